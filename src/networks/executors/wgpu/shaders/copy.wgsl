// One value a thread: planes of the host to channels-last activations and back, and activations side by side or
// resampled. A workgroup stays within one image.

const THREADS: u32 = 256u;

@compute @workgroup_size(THREADS)
fn load(@builtin(global_invocation_id) id: vec3<u32>) {
    let len = params.to_pixels * params.to_channels;
    if id.x >= len {
        return;
    }
    let plane = id.x % params.to_channels * params.to_pixels + id.x / params.to_channels;
    let value = planes[id.y * len + plane];
    // Centered samples are mapped by 2x - 1, others stay as they are.
    arena[params.to + id.y * len + id.x] = value * params.number + (1.0 - params.number);
}

@compute @workgroup_size(THREADS)
fn store(@builtin(global_invocation_id) id: vec3<u32>) {
    let len = params.stored_pixels * params.channels;
    if id.x >= len {
        return;
    }
    let plane = id.x % params.channels * params.stored_pixels + id.x / params.channels;
    planes[id.y * len + plane] = arena[params.segments.x + id.y * len + id.x];
}

@compute @workgroup_size(THREADS)
fn copy(@builtin(global_invocation_id) id: vec3<u32>) {
    let len = params.to_pixels * params.to_channels;
    if id.x >= len {
        return;
    }
    let channel = channel_at(id.x % params.to_channels);
    let pixel = id.x / params.to_channels;
    let value = input_at(id.y, pixel / params.width, pixel % params.width, channel, coefficients_of(id.y, channel));
    arena[params.to + id.y * len + id.x] = value;
}

// The sum of `count` by `count` values from a corner on, each by the product of its weights along both axes; what lies
// outside of the image is zero.
fn filtered(image: u32, corner: vec2<i32>, count: i32, rows: vec4<f32>, columns: vec4<f32>, channel: Channel) -> f32 {
    let coefficients = coefficients_of(image, channel);
    var sum = 0.0;
    for (var j = 0; j < count; j++) {
        let y = corner.x + j;
        if y < 0 || y >= i32(params.height) {
            continue;
        }
        var row = 0.0;
        for (var i = 0; i < count; i++) {
            let x = corner.y + i;
            if x >= 0 && x < i32(params.width) {
                row += columns[i] * activated(image, u32(y) * params.stored_width + u32(x), channel, coefficients);
            }
        }
        sum += rows[j] * row;
    }
    return sum;
}

@compute @workgroup_size(THREADS)
fn fir_down(@builtin(global_invocation_id) id: vec3<u32>) {
    let len = params.to_pixels * params.to_channels;
    if id.x >= len {
        return;
    }
    let pixel = id.x / params.to_channels;
    let place = vec2<i32>(i32(pixel / params.to_width), i32(pixel % params.to_width));
    let weights_1d = vec4<f32>(0.125, 0.375, 0.375, 0.125);
    let channel = channel_at(id.x % params.to_channels);
    arena[params.to + id.y * len + id.x] = filtered(id.y, place * 2 - 1, 4, weights_1d, weights_1d, channel);
}

// The weights of the two values that a doubled value lies between.
fn between(index: i32) -> vec4<f32> {
    if index % 2 == 0 {
        return vec4<f32>(0.25, 0.75, 0.0, 0.0);
    }
    return vec4<f32>(0.75, 0.25, 0.0, 0.0);
}

@compute @workgroup_size(THREADS)
fn fir_up(@builtin(global_invocation_id) id: vec3<u32>) {
    let len = params.to_pixels * params.to_channels;
    if id.x >= len {
        return;
    }
    let pixel = id.x / params.to_channels;
    let place = vec2<i32>(i32(pixel / params.to_width), i32(pixel % params.to_width));
    let channel = channel_at(id.x % params.to_channels);
    let corner = (place + 1) / 2 - 1;
    arena[params.to + id.y * len + id.x] = filtered(id.y, corner, 2, between(place.x), between(place.y), channel);
}
