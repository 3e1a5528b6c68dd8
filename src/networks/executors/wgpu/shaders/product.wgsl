// A convolution or linear layer as a product of gathered pixels and weights: (images and pixels) x (taps and channels)
// times (taps and channels) x (output channels). A workgroup makes a tile of `ROWS` pixels and `WIDTH` vectors of output
// channels; a thread makes 8 pixels and `COLUMNS` vectors of it. Every value is summed over taps, then channels, in this
// order, whatever tile it falls in.

const STEP: u32 = 16u;
const THREADS: u32 = THREADS_X * THREADS_Y;
const ROWS: u32 = THREADS_Y * 8u;
const WIDTH: u32 = THREADS_X * COLUMNS;
// Vectors of 4 pixels of one channel; one more, so that neighboring channels lie in different banks.
const SPAN: u32 = ROWS / 4u + 1u;

// Image, row and pixel of the first tap; the image is -1 outside the batch.
var<workgroup> places: array<vec4<i32>, ROWS>;
var<workgroup> inputs: array<vec4<f32>, STEP * SPAN>;
var<workgroup> tile: array<vec4<f32>, STEP * WIDTH>;

fn place_of(row: u32) -> vec4<i32> {
    let image = row / params.to_pixels;
    if image >= starts[0] {
        return vec4<i32>(-1, 0, 0, 0);
    }
    let pixel = row % params.to_pixels;
    let corner = vec2<u32>(pixel / params.to_width, pixel % params.to_width) * params.stride;
    return vec4<i32>(i32(image), i32(corner.x) - i32(params.padding), i32(corner.y) - i32(params.padding), 0);
}

fn add_bias_and_store(row: u32, column: u32, sum: vec4<f32>) {
    let first = column * 4u;
    let image = row / params.to_pixels;
    if first >= params.to_channels || image >= starts[0] {
        return;
    }
    var value = sum;
    if TIME {
        let at = starts[1u + image] + params.time + first;
        value += vec4<f32>(times[at], times[at + 1u], times[at + 2u], times[at + 3u]);
    } else {
        value += weights[params.bias + column];
    }
    let at = row * params.to_channels + first;
    for (var i = 0u; i < 4u; i++) {
        if first + i < params.to_channels {
            var result = value[i];
            if RESIDUAL {
                result += arena[params.residual + at + i];
            }
            arena[params.to + at + i] = result * params.number;
        }
    }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_row = workgroup.y * ROWS;
    let first_column = workgroup.x * WIDTH;
    for (var row = thread; row < ROWS; row += THREADS) {
        places[row] = place_of(first_row + row);
    }
    workgroupBarrier();

    let lane = thread % STEP;
    let x = thread % THREADS_X;
    let y = thread / THREADS_X;
    var a0 = vec4<f32>(); var a1 = vec4<f32>(); var a2 = vec4<f32>(); var a3 = vec4<f32>();
    var a4 = vec4<f32>(); var a5 = vec4<f32>(); var a6 = vec4<f32>(); var a7 = vec4<f32>();
    var b0 = vec4<f32>(); var b1 = vec4<f32>(); var b2 = vec4<f32>(); var b3 = vec4<f32>();
    var b4 = vec4<f32>(); var b5 = vec4<f32>(); var b6 = vec4<f32>(); var b7 = vec4<f32>();

    var weight_row = 0u;
    for (var tap = 0u; tap < params.kernel * params.kernel; tap++) {
        let offset = vec2<i32>(i32(tap / params.kernel), i32(tap % params.kernel));
        for (var step = 0u; step < params.steps; step++) {
            let channel = channel_at(step * STEP + lane);
            var image = -1;
            var coefficients = vec2<f32>();
            for (var quad = thread / STEP; quad < ROWS / 4u; quad += THREADS / STEP) {
                var values = vec4<f32>();
                for (var i = 0u; i < 4u; i++) {
                    let place = places[quad * 4u + i];
                    let pixel = place.yz + offset;
                    let is_inside = place.x >= 0 && channel.stride > 0u && all(pixel >= vec2<i32>())
                        && pixel.x < i32(params.height) && pixel.y < i32(params.width);
                    if is_inside {
                        if place.x != image {
                            image = place.x;
                            coefficients = coefficients_of(u32(image), channel);
                        }
                        values[i] = input_at(u32(image), u32(pixel.x), u32(pixel.y), channel, coefficients);
                    }
                }
                inputs[lane * SPAN + quad] = values;
            }
            for (var i = thread; i < STEP * WIDTH; i += THREADS) {
                tile[i] = weights[(weight_row + i / WIDTH) * params.weight_width + first_column + i % WIDTH];
            }
            workgroupBarrier();
            for (var k = 0u; k < STEP; k++) {
                let p = inputs[k * SPAN + y * 2u];
                let q = inputs[k * SPAN + y * 2u + 1u];
                let v = tile[k * WIDTH + x];
                a0 += p.x * v; a1 += p.y * v; a2 += p.z * v; a3 += p.w * v;
                a4 += q.x * v; a5 += q.y * v; a6 += q.z * v; a7 += q.w * v;
                if COLUMNS == 2u {
                    let w = tile[k * WIDTH + THREADS_X + x];
                    b0 += p.x * w; b1 += p.y * w; b2 += p.z * w; b3 += p.w * w;
                    b4 += q.x * w; b5 += q.y * w; b6 += q.z * w; b7 += q.w * w;
                }
            }
            workgroupBarrier();
            weight_row += STEP;
        }
    }

    let row = first_row + y * 8u;
    let column = first_column + x;
    add_bias_and_store(row, column, a0);
    add_bias_and_store(row + 1u, column, a1);
    add_bias_and_store(row + 2u, column, a2);
    add_bias_and_store(row + 3u, column, a3);
    add_bias_and_store(row + 4u, column, a4);
    add_bias_and_store(row + 5u, column, a5);
    add_bias_and_store(row + 6u, column, a6);
    add_bias_and_store(row + 7u, column, a7);
    if COLUMNS == 2u {
        let other = column + THREADS_X;
        add_bias_and_store(row, other, b0);
        add_bias_and_store(row + 1u, other, b1);
        add_bias_and_store(row + 2u, other, b2);
        add_bias_and_store(row + 3u, other, b3);
        add_bias_and_store(row + 4u, other, b4);
        add_bias_and_store(row + 5u, other, b5);
        add_bias_and_store(row + 6u, other, b6);
        add_bias_and_store(row + 7u, other, b7);
    }
}
