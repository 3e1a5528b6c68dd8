// Group normalization as a factor and a term for each channel of each image. A workgroup takes one group of one image:
// the mean first, then the squares of what differs from it, so that nothing cancels in `f32`. Threads take values by
// turns and their sums meet in a tree: one order for any batch.

const THREADS: u32 = 256u;

var<workgroup> sums: array<f32, THREADS>;

fn total(thread: u32, sum: f32) -> f32 {
    sums[thread] = sum;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            sums[thread] += sums[thread + half];
        }
        workgroupBarrier();
    }
    let all = sums[0];
    workgroupBarrier();
    return all;
}

fn value_at(image: u32, first: u32, index: u32) -> f32 {
    return stored(image, index / params.group, channel_at(first + index % params.group));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let image = workgroup.y;
    let first = workgroup.x * params.group;
    let count = params.group * params.stored_pixels;
    var sum = 0.0;
    for (var i = thread; i < count; i += THREADS) {
        sum += value_at(image, first, i);
    }
    let mean = total(thread, sum) / f32(count);
    sum = 0.0;
    for (var i = thread; i < count; i += THREADS) {
        let difference = value_at(image, first, i) - mean;
        sum += difference * difference;
    }
    let inverse = 1.0 / sqrt(total(thread, sum) / f32(count) + params.number);
    for (var i = thread; i < params.group; i += THREADS) {
        let channel = first + i;
        let shift = params.channels + channel;
        var factor = weights[channel / 4u][channel % 4u] * inverse;
        var term = weights[shift / 4u][shift % 4u] - mean * factor;
        if TIME {
            let at = starts[1u + image] + params.time;
            factor *= 1.0 + times[at + channel];
            term = term * (1.0 + times[at + channel]) + times[at + shift];
        }
        let to = params.norm + image * 2u * params.channels;
        arena[to + channel] = factor;
        arena[to + shift] = term;
    }
}
