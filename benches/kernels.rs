//! Single layers at the sizes of the two models that the README's table times, on one and on all threads.
//!
//! `cargo bench --bench kernels -- winograd` runs some of them.

use std::sync::Mutex;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use lmd_inspector::networks::executors::cpu::Isa;
use lmd_inspector::networks::executors::cpu::kernels::attention::AttentionShape;
use lmd_inspector::networks::executors::cpu::kernels::conv::{Conv, ConvShape};
use lmd_inspector::networks::executors::cpu::kernels::winograd::{Tile, Winograd};
use lmd_inspector::networks::executors::cpu::kernels::{
    Bias, Context, Finish, Residual, Scratch, Source, ThreadPool,
};

/// Channels in and out, side, images.
const SIZES: [[usize; 4]; 5] = [
    [32, 32, 32, 8],
    [64, 64, 16, 8],
    [128, 128, 32, 8],
    [256, 256, 16, 8],
    [256, 256, 4, 1],
];

fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| (i as f32 * 0.7).sin()).collect()
}

fn plain(bias: &[f32]) -> Finish<'_> {
    Finish {
        bias: Bias::Same(bias),
        residual: Residual::None,
        scale: 1.0,
        relu: false,
        sums: None,
    }
}

/// Time `layer` inside of a pool that stands by, as in a network call.
fn time(
    criterion: &mut Criterion,
    (group, label): (&str, &str),
    operations: u64,
    mut layer: impl FnMut(&mut Context<'_, '_>) + Send,
) {
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(operations));
    let table = Isa::detect().table().unwrap_or_else(|| unreachable!());
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    for threads in [1, all] {
        let Ok(pool) = ThreadPool::new(threads) else {
            continue;
        };
        let scratches: Vec<Mutex<Scratch>> = (0..threads).map(|_| Mutex::default()).collect();
        let mut common = Scratch::default();
        let id = BenchmarkId::new(label, format!("{threads} threads"));
        group.bench_function(id, |bencher| {
            pool.run(|pool| {
                let mut context = Context {
                    table,
                    pool,
                    scratches: &scratches,
                    common: &mut common,
                };
                bencher.iter(|| layer(&mut context));
            });
        });
    }
    group.finish();
}

fn convolutions(criterion: &mut Criterion) {
    for [inputs, outputs, side, batch] in SIZES {
        let data = values(batch * side * side * inputs);
        let bias = values(outputs);
        let mut out = vec![0.0; batch * side * side * outputs];
        let label = format!("{inputs} to {outputs} at {side}x{side}, batch {batch}");
        for kernel in [1, 3] {
            let shape = ConvShape::same(kernel, (inputs, outputs), (side, side));
            let weights = values(outputs * shape.depth());
            let operations = (2 * shape.depth() * outputs * side * side * batch) as u64;
            let source = Source::plain(&data, inputs, side, side);
            let conv = Conv::new(shape, &weights);
            let group = if kernel == 1 { "1x1" } else { "direct 3x3" };
            time(criterion, (group, &label), operations, |context| {
                conv.run(context, &source, batch, &mut out, plain(&bias));
            });
            if kernel == 3 {
                for (tile, group) in [(Tile::Two, "winograd 2"), (Tile::Four, "winograd 4")] {
                    let conv = Winograd::new(shape, tile, &weights);
                    time(criterion, (group, &label), operations, |context| {
                        conv.run(context, &source, batch, &mut out, plain(&bias));
                    });
                }
            }
        }
    }
}

/// The `gemm` crate, which candle multiplies with, on the sizes of a 1x1 convolution.
#[expect(unsafe_code, reason = "the crate's interface takes pointers")]
fn products_of_the_gemm_crate(criterion: &mut Criterion) {
    for [inputs, outputs, side, batch] in SIZES {
        let rows = batch * side * side;
        let (a, b) = (values(rows * inputs), values(inputs * outputs));
        let mut out = vec![0.0_f32; rows * outputs];
        let label = format!("{inputs} to {outputs} at {side}x{side}, batch {batch}");
        let operations = (2 * inputs * outputs * rows) as u64;
        for parallelism in [gemm::Parallelism::None, gemm::Parallelism::Rayon(0)] {
            let mut group = criterion.benchmark_group("1x1 by the gemm crate");
            group.throughput(Throughput::Elements(operations));
            let id = BenchmarkId::new(&label, format!("{parallelism:?}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    // SAFETY: all three matrices are row-major and of the sizes given.
                    unsafe {
                        gemm::gemm(
                            rows,
                            outputs,
                            inputs,
                            out.as_mut_ptr(),
                            1,
                            outputs.cast_signed(),
                            false,
                            a.as_ptr(),
                            1,
                            inputs.cast_signed(),
                            b.as_ptr(),
                            1,
                            outputs.cast_signed(),
                            0.0,
                            1.0,
                            false,
                            false,
                            false,
                            parallelism,
                        );
                    }
                });
            });
            group.finish();
        }
    }
}

fn attention(criterion: &mut Criterion) {
    for (pixels, channels, heads, batch) in [(64, 64, 2, 8), (256, 256, 1, 8)] {
        let shape = AttentionShape {
            pixels,
            channels,
            heads,
        };
        let qkv = values(batch * pixels * 3 * channels);
        let mut out = vec![0.0; batch * pixels * channels];
        let operations = (4 * pixels * pixels * channels * batch) as u64;
        let label = format!("{pixels} pixels, {channels} channels, {heads} heads, batch {batch}");
        time(criterion, ("attention", &label), operations, |context| {
            shape.run(context, &qkv, batch, &mut out);
        });
    }
}

criterion_group! {
    name = kernels;
    config = Criterion::default().sample_size(20);
    targets = convolutions, products_of_the_gemm_crate, attention
}
criterion_main!(kernels);
