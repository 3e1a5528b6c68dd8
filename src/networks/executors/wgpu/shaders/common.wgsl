// What all shaders share: the sizes of one operation, the buffers, and its input as other operations stored it.
// The constants that are written in capitals and not declared here stand before this text: see `pipelines.rs`.

struct Params {
    // Places of the input's segments in `arena`.
    segments: vec4<u32>,
    // Channels of the segments, 0 for an absent one.
    segment_channels: vec4<u32>,
    // Channels of all segments.
    channels: u32,
    // Rows and pixels a row of the input after resampling.
    height: u32,
    width: u32,
    // Pixels a row and pixels of an image of the input as stored.
    stored_width: u32,
    stored_pixels: u32,
    // Place of the factors and terms (B, 2, C) in `arena`: of the input, or the output of a normalization.
    norm: u32,
    // Place and channels of the output.
    to: u32,
    to_channels: u32,
    // Pixels a row and pixels of an image of the output.
    to_width: u32,
    to_pixels: u32,
    // Width and height of a convolution's kernel, its step, and the zeros before the input.
    kernel: u32,
    stride: u32,
    padding: u32,
    // Steps of `STEP` channels that cover all channels.
    steps: u32,
    // Vectors in a row of `weights`, and the vector at which the bias begins.
    weight_width: u32,
    bias: u32,
    // Place of the residual in `arena`.
    residual: u32,
    // Place in a row of `times`.
    time: u32,
    // Channels of a group of a normalization, or of an attention head.
    group: u32,
    // Factor on a product's sum, or the small number of a normalization.
    number: f32,
};

@group(0) @binding(0) var<uniform> params: Params;
// All activations.
@group(0) @binding(1) var<storage, read_write> arena: array<f32>;
// Of one layer.
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
// Rows of projected time embeddings.
@group(0) @binding(3) var<storage, read> times: array<f32>;
// The number of images, then where each image's row of `times` begins.
@group(0) @binding(4) var<storage, read> starts: array<u32>;
// The sample and the output as the host sees them: planes.
@group(0) @binding(5) var<storage, read_write> planes: array<f32>;

// One channel of the input.
struct Channel {
    index: u32,
    // Place of its segment in `arena`, channels there, and its number among them. 0 channels: there is no such channel.
    segment: u32,
    stride: u32,
    offset: u32,
};

fn channel_at(index: u32) -> Channel {
    var found = Channel(index, 0u, 0u, 0u);
    var first = 0u;
    for (var i = 0u; i < SEGMENTS; i++) {
        let count = params.segment_channels[i];
        if index >= first && index < first + count {
            found.segment = params.segments[i];
            found.stride = count;
            found.offset = index - first;
        }
        first += count;
    }
    return found;
}

// A stored value of an image; `pixel` counts stored pixels.
fn stored(image: u32, pixel: u32, channel: Channel) -> f32 {
    return arena[channel.segment + (image * params.stored_pixels + pixel) * channel.stride + channel.offset];
}

fn activated(image: u32, pixel: u32, channel: Channel, coefficients: vec2<f32>) -> f32 {
    var value = stored(image, pixel, channel);
    if NORM {
        value = value * coefficients.x + coefficients.y;
    }
    if SILU {
        value = value / (1.0 + exp(-value));
    }
    return value;
}

fn coefficients_of(image: u32, channel: Channel) -> vec2<f32> {
    if NORM {
        let place = params.norm + image * 2u * params.channels + channel.index;
        return vec2<f32>(arena[place], arena[place + params.channels]);
    }
    return vec2<f32>(1.0, 0.0);
}

// The value at a pixel of the input after resampling. The pixel must lie inside.
fn input_at(image: u32, y: u32, x: u32, channel: Channel, coefficients: vec2<f32>) -> f32 {
    if RESAMPLING == UP {
        return activated(image, (y / 2u) * params.stored_width + x / 2u, channel, coefficients);
    }
    if RESAMPLING == DOWN {
        let pixel = y * 2u * params.stored_width + x * 2u;
        let below = pixel + params.stored_width;
        let above = activated(image, pixel, channel, coefficients) + activated(image, pixel + 1u, channel, coefficients);
        return (above + activated(image, below, channel, coefficients)
            + activated(image, below + 1u, channel, coefficients)) * 0.25;
    }
    return activated(image, y * params.stored_width + x, channel, coefficients);
}
