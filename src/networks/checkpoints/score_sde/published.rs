//! The configurations of `score_sde_pytorch` (`configs/` at 1618dde, <https://github.com/yang-song/score_sde_pytorch>) and of
//! `lift_map_detect` (`configs/subvp/` at d6a022e, <https://github.com/zhenzhel/lift_map_detect>), whose 256x256 models are
//! those of the former.
//!
//! Left out are those that can't be read here: NCSN and `NCSNv2` networks, and variance-exploding ones that are told numbers
//! of noise levels.

use super::super::Architecture;

const SUB_VP: &str = "\"sde\": \"subvp\", \"beta_min\": 0.1, \"beta_max\": 20, \"centered\": true";
const VP: &str = "\"sde\": \"vp\", \"beta_min\": 0.1, \"beta_max\": 20, \"centered\": true";
const VE_SMALL: &str = "\"sde\": \"ve\", \"sigma_min\": 0.01, \"sigma_max\": 50, \"num_scales\": 1000, \"snr\": 0.16, \
                        \"centered\": false";
const VE_FACES: &str = "\"sde\": \"ve\", \"sigma_min\": 0.01, \"sigma_max\": 348, \"num_scales\": 2000, \"snr\": 0.075, \
                        \"centered\": false";
const VE_BEDROOM: &str = "\"sde\": \"ve\", \"sigma_min\": 0.01, \"sigma_max\": 378, \"num_scales\": 2000, \"snr\": 0.075, \
                          \"centered\": false";
const VE_CHURCH: &str = "\"sde\": \"ve\", \"sigma_min\": 0.01, \"sigma_max\": 380, \"num_scales\": 2000, \"snr\": 0.075, \
                         \"centered\": false";
const VE_1024: &str = "\"sde\": \"ve\", \"sigma_min\": 0.01, \"sigma_max\": 1348, \"num_scales\": 2000, \"snr\": 0.15, \
                       \"centered\": false";

const SIDE_32: &str = "\"image_size\": 32";
const SIDE_256: &str = "\"image_size\": 256";
const SIDE_1024: &str = "\"image_size\": 1024";

/// Of networks whose resnets resample, without and with the filter.
const PLAIN: &str = "\"fir\": false, \"skip_rescale\": true";
const FILTERED: &str = "\"fir\": true, \"skip_rescale\": true";

const RGB: &str = "\"num_channels\": 3, \"attn_resolutions\": [16]";
const DDPM: &str = "\"name\": \"ddpm\", \"embedding_type\": \"positional\"";
const DDPMPP: &str = "\"name\": \"ncsnpp\", \"resblock_type\": \"biggan\", \"embedding_type\": \"positional\", \
                      \"progressive\": \"none\", \"progressive_input\": \"none\"";
const NCSNPP: &str = "\"name\": \"ncsnpp\", \"resblock_type\": \"biggan\", \"embedding_type\": \"positional\", \
                      \"progressive\": \"none\", \"progressive_input\": \"residual\"";
const NCSNPP_FOURIER: &str = "\"name\": \"ncsnpp\", \"resblock_type\": \"biggan\", \"embedding_type\": \"fourier\", \
                              \"progressive\": \"none\", \"progressive_input\": \"residual\"";
const NCSNPP_SKIPS: &str = "\"name\": \"ncsnpp\", \"resblock_type\": \"biggan\", \"embedding_type\": \"fourier\", \
                            \"progressive\": \"output_skip\", \"progressive_input\": \"input_skip\"";

/// Of every network of 32x32 images; the next ones have as many resnets per level.
const SMALL: &str = "\"nf\": 128, \"ch_mult\": [1,2,2,2]";
const TWO: &str = "\"num_res_blocks\": 2";
const FOUR: &str = "\"num_res_blocks\": 4";
const EIGHT: &str = "\"num_res_blocks\": 8";
const DDPM_256: &str = "\"nf\": 128, \"ch_mult\": [1,1,2,2,4,4], \"num_res_blocks\": 2";
const NCSNPP_256: &str = "\"nf\": 128, \"ch_mult\": [1,1,2,2,2,2,2], \"num_res_blocks\": 2";
const NCSNPP_1024: &str = "\"nf\": 16, \"ch_mult\": [1,2,4,8,16,32,32,32], \"num_res_blocks\": 1";

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

/// A DDPM network under the sub-VP process, as all of the paper's own models of 32x32 images are.
const fn of_the_paper(name: &'static str, about: &'static str) -> Architecture {
    published(name, about, &[SUB_VP, SIDE_32], &[SMALL, TWO, RGB, DDPM])
}

#[rustfmt::skip]
pub(super) static PUBLISHED: &[Architecture] = &[
    of_the_paper("lift-map-detect/subvp-ddpm-cifar10", "Lift, Map, Detect: CIFAR-10"),
    of_the_paper("lift-map-detect/subvp-ddpm-cifar100", "Lift, Map, Detect: CIFAR-100"),
    of_the_paper("lift-map-detect/subvp-ddpm-fashion-mnist", "Lift, Map, Detect: Fashion-MNIST"),
    of_the_paper("lift-map-detect/subvp-ddpm-kmnist", "Lift, Map, Detect: KMNIST"),
    of_the_paper("lift-map-detect/subvp-ddpm-mnist", "Lift, Map, Detect: MNIST"),
    of_the_paper("lift-map-detect/subvp-ddpm-svhn", "Lift, Map, Detect: SVHN"),
    of_the_paper("score-sde/subvp-ddpm-cifar10", "score_sde: subvp/cifar10_ddpm_continuous"),
    published("score-sde/subvp-ddpmpp-cifar10", "score_sde: subvp/cifar10_ddpmpp_continuous",
        &[SUB_VP, SIDE_32, PLAIN], &[SMALL, FOUR, RGB, DDPMPP]),
    published("score-sde/subvp-ddpmpp-deep-cifar10", "score_sde: subvp/cifar10_ddpmpp_deep_continuous",
        &[SUB_VP, SIDE_32, PLAIN], &[SMALL, EIGHT, RGB, DDPMPP]),
    published("score-sde/subvp-ncsnpp-cifar10", "score_sde: subvp/cifar10_ncsnpp_continuous",
        &[SUB_VP, SIDE_32, FILTERED], &[SMALL, FOUR, RGB, NCSNPP]),
    published("score-sde/subvp-ncsnpp-deep-cifar10", "score_sde: subvp/cifar10_ncsnpp_deep_continuous",
        &[SUB_VP, SIDE_32, FILTERED], &[SMALL, EIGHT, RGB, NCSNPP]),
    published("score-sde/vp-ddpm-cifar10", "score_sde: vp/ddpm/cifar10 and cifar10_continuous",
        &[VP, SIDE_32], &[SMALL, TWO, RGB, DDPM]),
    published("score-sde/vp-ddpm-bedroom-256", "score_sde: vp/ddpm/bedroom",
        &[VP, SIDE_256], &[DDPM_256, RGB, DDPM]),
    published("score-sde/vp-ddpm-celebahq-256", "score_sde: vp/ddpm/celebahq",
        &[VP, SIDE_256], &[DDPM_256, RGB, DDPM]),
    published("score-sde/vp-ddpm-church-256", "score_sde: vp/ddpm/church",
        &[VP, SIDE_256], &[DDPM_256, RGB, DDPM]),
    published("score-sde/vp-ddpmpp-cifar10", "score_sde: vp/cifar10_ddpmpp and cifar10_ddpmpp_continuous",
        &[VP, SIDE_32, PLAIN], &[SMALL, FOUR, RGB, DDPMPP]),
    published("score-sde/vp-ddpmpp-deep-cifar10", "score_sde: vp/cifar10_ddpmpp_deep_continuous",
        &[VP, SIDE_32, PLAIN], &[SMALL, EIGHT, RGB, DDPMPP]),
    published("score-sde/vp-ncsnpp-cifar10", "score_sde: vp/cifar10_ncsnpp and cifar10_ncsnpp_continuous",
        &[VP, SIDE_32, FILTERED], &[SMALL, FOUR, RGB, NCSNPP]),
    published("score-sde/vp-ncsnpp-deep-cifar10", "score_sde: vp/cifar10_ncsnpp_deep_continuous",
        &[VP, SIDE_32, FILTERED], &[SMALL, EIGHT, RGB, NCSNPP]),
    published("score-sde/ve-ncsnpp-cifar10", "score_sde: ve/cifar10_ncsnpp_continuous",
        &[VE_SMALL, SIDE_32, FILTERED], &[SMALL, FOUR, RGB, NCSNPP_FOURIER]),
    published("score-sde/ve-ncsnpp-deep-cifar10", "score_sde: ve/cifar10_ncsnpp_deep_continuous",
        &[VE_SMALL, SIDE_32, FILTERED], &[SMALL, EIGHT, RGB, NCSNPP_FOURIER]),
    published("score-sde/ve-ncsnpp-bedroom-256", "score_sde: ve/bedroom_ncsnpp_continuous",
        &[VE_BEDROOM, SIDE_256, FILTERED], &[NCSNPP_256, RGB, NCSNPP_SKIPS]),
    published("score-sde/ve-ncsnpp-celebahq-256", "score_sde: ve/celebahq_256_ncsnpp_continuous",
        &[VE_FACES, SIDE_256, FILTERED], &[NCSNPP_256, RGB, NCSNPP_SKIPS]),
    published("score-sde/ve-ncsnpp-church-256", "score_sde: ve/church_ncsnpp_continuous",
        &[VE_CHURCH, SIDE_256, FILTERED], &[NCSNPP_256, RGB, NCSNPP_SKIPS]),
    published("score-sde/ve-ncsnpp-ffhq-256", "score_sde: ve/ffhq_256_ncsnpp_continuous",
        &[VE_FACES, SIDE_256, FILTERED], &[NCSNPP_256, RGB, NCSNPP_SKIPS]),
    published("score-sde/ve-ncsnpp-celebahq-1024", "score_sde: ve/celebahq_ncsnpp_continuous",
        &[VE_1024, SIDE_1024, FILTERED], &[NCSNPP_1024, RGB, NCSNPP_SKIPS]),
    published("score-sde/ve-ncsnpp-ffhq-1024", "score_sde: ve/ffhq_ncsnpp_continuous",
        &[VE_1024, SIDE_1024, FILTERED], &[NCSNPP_1024, RGB, NCSNPP_SKIPS]),
];
