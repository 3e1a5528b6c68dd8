// softmax(q k^T / sqrt(d)) v over the pixels of an image, one head and `QUERIES` queries in a workgroup. Keys come in
// tiles of `KEYS`; what earlier tiles gave is scaled to the largest score so far, so that no table of all scores is kept.
// A query has 8 threads: each makes 8 scores of a tile, and every eighth vector of 4 values of the result.

const QUERIES: u32 = 16u;
const KEYS: u32 = 64u;
const LANES: u32 = 8u;
const THREADS: u32 = QUERIES * LANES;
// Channels of queries and keys taken at a time, with one value between rows to spread banks.
const STEP: u32 = 16u;
const SPAN: u32 = STEP + 1u;
// Channels of values taken at a time.
const BLOCK: u32 = LANES * 4u;
const SCORE_SPAN: u32 = KEYS + 1u;
const LOWEST: f32 = -1e30;

// Keys and queries of a step, or values of a block.
var<workgroup> tile: array<f32, KEYS * BLOCK>;
var<workgroup> scores: array<f32, QUERIES * SCORE_SPAN>;
var<workgroup> partial: array<f32, THREADS>;

// Part 0 is queries, 1 keys, 2 values; zero outside.
fn projected(image: u32, pixel: u32, part: u32, head: u32, channel: u32) -> f32 {
    if pixel >= params.to_pixels || channel >= params.group {
        return 0.0;
    }
    let row = (image * params.to_pixels + pixel) * 3u + part;
    return arena[params.segments.x + row * params.to_channels + head * params.group + channel];
}

fn key_products(d: u32, lane: u32) -> vec4<f32> {
    let at = lane * SPAN + d;
    return vec4<f32>(tile[at], tile[at + 8u * SPAN], tile[at + 16u * SPAN], tile[at + 24u * SPAN]);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let first_query = workgroup.x * QUERIES;
    let head = workgroup.y;
    let image = workgroup.z;
    let query = thread / LANES;
    let lane = thread % LANES;
    var mixed: array<vec4<f32>, DEPTH_BLOCKS>;
    var largest = LOWEST;
    var sum = 0.0;

    for (var first_key = 0u; first_key < params.to_pixels; first_key += KEYS) {
        var low = vec4<f32>();
        var high = vec4<f32>();
        for (var first = 0u; first < params.group; first += STEP) {
            for (var i = thread; i < KEYS * STEP; i += THREADS) {
                tile[i / STEP * SPAN + i % STEP] =
                    projected(image, first_key + i / STEP, 1u, head, first + i % STEP);
            }
            for (var i = thread; i < QUERIES * STEP; i += THREADS) {
                tile[KEYS * SPAN + i / STEP * SPAN + i % STEP] =
                    projected(image, first_query + i / STEP, 0u, head, first + i % STEP);
            }
            workgroupBarrier();
            for (var d = 0u; d < STEP; d++) {
                let q = tile[KEYS * SPAN + query * SPAN + d];
                low += q * key_products(d, lane);
                high += q * key_products(d, lane + 32u);
            }
            workgroupBarrier();
        }
        // Keys `lane + 8 i`, and those of `high` 32 later.
        let key = first_key + lane;
        let keys = vec4<u32>(key, key + 8u, key + 16u, key + 24u);
        let pixels = vec4<u32>(params.to_pixels);
        low = select(vec4<f32>(LOWEST), low * params.number, keys < pixels);
        high = select(vec4<f32>(LOWEST), high * params.number, keys + vec4<u32>(32u) < pixels);
        let highest = max(low, high);
        partial[thread] = max(max(highest.x, highest.y), max(highest.z, highest.w));
        workgroupBarrier();
        var now = largest;
        for (var i = 0u; i < LANES; i++) {
            now = max(now, partial[query * LANES + i]);
        }
        workgroupBarrier();
        low = select(vec4<f32>(), exp(low - vec4<f32>(now)), keys < pixels);
        high = select(vec4<f32>(), exp(high - vec4<f32>(now)), keys + vec4<u32>(32u) < pixels);
        for (var i = 0u; i < 4u; i++) {
            scores[query * SCORE_SPAN + lane + 8u * i] = low[i];
            scores[query * SCORE_SPAN + lane + 8u * i + 32u] = high[i];
        }
        let both = low + high;
        partial[thread] = both.x + both.y + both.z + both.w;
        workgroupBarrier();
        let earlier = exp(largest - now);
        var added = 0.0;
        for (var i = 0u; i < LANES; i++) {
            added += partial[query * LANES + i];
        }
        sum = sum * earlier + added;
        largest = now;
        for (var block = 0u; block < DEPTH_BLOCKS; block++) {
            for (var i = thread; i < KEYS * BLOCK; i += THREADS) {
                tile[i] = projected(image, first_key + i / BLOCK, 2u, head, block * BLOCK + i % BLOCK);
            }
            workgroupBarrier();
            var value = mixed[block] * earlier;
            for (var key = 0u; key < KEYS; key++) {
                let at = key * BLOCK + lane * 4u;
                value += scores[query * SCORE_SPAN + key]
                    * vec4<f32>(tile[at], tile[at + 1u], tile[at + 2u], tile[at + 3u]);
            }
            mixed[block] = value;
            workgroupBarrier();
        }
    }

    let pixel = first_query + query;
    if pixel >= params.to_pixels {
        return;
    }
    let to = params.to + (image * params.to_pixels + pixel) * params.to_channels + head * params.group;
    for (var block = 0u; block < DEPTH_BLOCKS; block++) {
        let value = mixed[block] / sum;
        for (var i = 0u; i < 4u; i++) {
            let channel = block * BLOCK + lane * 4u + i;
            if channel < params.group {
                arena[to + channel] = value[i];
            }
        }
    }
}
