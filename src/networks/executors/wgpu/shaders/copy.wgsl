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
