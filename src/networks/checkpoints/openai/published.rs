//! The unconditional models that OpenAI has released, by the flags in the READMEs of improved-diffusion (2e66f3f,
//! <https://github.com/openai/improved-diffusion>) and guided-diffusion (27c20a8, <https://github.com/openai/guided-diffusion>);
//! flags that are not there are the defaults of that repository's scripts.

use super::super::Architecture;

const SIDE_32: &str = "\"image_size\": 32";
const SIDE_64: &str = "\"image_size\": 64";
const SIDE_256: &str = "\"image_size\": 256";
const LINEAR: &str =
    "\"diffusion_steps\": 1000, \"noise_schedule\": \"linear\", \"rescale_timesteps\": false";
const COSINE: &str =
    "\"diffusion_steps\": 4000, \"noise_schedule\": \"cosine\", \"rescale_timesteps\": true";
const ONE_HEAD: &str = "\"num_heads\": 1";
const FOUR_HEADS: &str = "\"num_heads\": 4";
const HEADS_OF_64: &str = "\"num_head_channels\": 64";

const GUIDED_256: &str = "\"num_channels\": 256, \"num_res_blocks\": 2, \"channel_mult\": [1,1,2,2,4,4], \
                          \"attention_resolutions\": [32,16,8], \"resblock_updown\": true, \
                          \"use_scale_shift_norm\": true, \"learn_sigma\": true";
const IMPROVED_256: &str = "\"num_channels\": 128, \"num_res_blocks\": 2, \"channel_mult\": [1,1,2,2,4,4], \
                            \"attention_resolutions\": [16], \"resblock_updown\": false, \
                            \"use_scale_shift_norm\": false, \"learn_sigma\": true";
const IMPROVED_64: &str = "\"num_channels\": 128, \"num_res_blocks\": 3, \"channel_mult\": [1,2,3,4], \
                           \"attention_resolutions\": [16,8], \"resblock_updown\": false, \
                           \"use_scale_shift_norm\": true, \"learn_sigma\": true";
const IMPROVED_32: &str = "\"num_channels\": 128, \"num_res_blocks\": 3, \"channel_mult\": [1,2,2,2], \
                           \"attention_resolutions\": [16,8], \"resblock_updown\": false, \
                           \"use_scale_shift_norm\": true, \"learn_sigma\": true";

const fn published(
    name: &'static str,
    about: &'static str,
    unsaid: &'static [&'static str],
    shapes: &'static [&'static str],
) -> Architecture {
    Architecture {
        name,
        about,
        unsaid,
        shapes,
    }
}

#[rustfmt::skip]
pub(super) static PUBLISHED: &[Architecture] = &[
    published("guided-diffusion/imagenet-256", "guided-diffusion's 256x256_diffusion_uncond and LSUN models",
        &[SIDE_256, HEADS_OF_64, LINEAR], &[GUIDED_256]),
    published("guided-diffusion/lsun-256", "guided-diffusion's lsun_bedroom, lsun_cat and lsun_horse",
        &[SIDE_256, HEADS_OF_64, LINEAR], &[GUIDED_256]),
    published("improved-diffusion/lsun-bedroom-256", "improved-diffusion's lsun_uncond_100M",
        &[SIDE_256, ONE_HEAD, LINEAR], &[IMPROVED_256]),
    published("improved-diffusion/cifar10", "improved-diffusion's cifar10_uncond_50M",
        &[SIDE_32, FOUR_HEADS, COSINE], &[IMPROVED_32]),
    published("improved-diffusion/imagenet-64", "improved-diffusion's imagenet64_uncond_100M",
        &[SIDE_64, FOUR_HEADS, COSINE], &[IMPROVED_64]),
];
