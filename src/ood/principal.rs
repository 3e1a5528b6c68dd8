//! Principal components: the directions in which vectors vary most, by their exact covariance.

/// Directions beyond those that are asked for: the more, the sooner the iteration has these apart.
const SPARE: usize = 6;
/// Rounds of the iteration at most; those of pictures are apart after tens.
const MOST_ROUNDS: usize = 1000;
/// How far a direction may be from being one, as a part of the largest variance.
const TOLERANCE: f64 = 1e-12;

/// The directions of the largest variances, largest first.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalComponents {
    /// The mean of the vectors.
    pub mean: Vec<f64>,
    /// Of length 1, or all zeros where nothing varies any more. The value that is farthest from 0 is positive, so that a
    /// picture of them is not a mirror image at the next time.
    pub directions: Vec<Vec<f64>>,
    /// What part of the whole variance each has, 0 to 1.
    pub shares: Vec<f64>,
}

impl PrincipalComponents {
    /// Find `count` of them; `None` without a vector, or with vectors of different lengths.
    pub fn of(rows: &[&[f32]], count: usize) -> Option<Self> {
        let len = rows.first()?.len();
        if len == 0 || rows.iter().any(|row| row.len() != len) {
            return None;
        }
        let mean = mean(rows, len);
        let covariance = covariance(rows, &mean);
        let variance: f64 = (0..len).map(|i| covariance[i * len + i]).sum();
        let (values, mut directions) = largest(&covariance, len, count.min(len));
        for direction in &mut directions {
            let farthest = direction
                .iter()
                .fold(0.0_f64, |far, &x| if x.abs() > far.abs() { x } else { far });
            if farthest < 0.0 {
                for value in direction.iter_mut() {
                    *value = -*value;
                }
            }
        }
        let share = |value: f64| {
            if variance > 0.0 {
                value.max(0.0) / variance
            } else {
                0.0
            }
        };
        Some(Self {
            mean,
            directions,
            shares: values.into_iter().map(share).collect(),
        })
    }

    /// Where a vector lies along each direction, from the mean.
    pub fn place(&self, row: &[f32]) -> Vec<f64> {
        let along = |direction: &Vec<f64>| {
            let values = row.iter().zip(&self.mean).zip(direction);
            values
                .map(|((x, mean), d)| (f64::from(*x) - mean) * d)
                .sum()
        };
        self.directions.iter().map(along).collect()
    }
}

fn mean(rows: &[&[f32]], len: usize) -> Vec<f64> {
    let mut mean = vec![0.0; len];
    for row in rows {
        for (mean, value) in mean.iter_mut().zip(*row) {
            *mean += f64::from(*value);
        }
    }
    mean.iter().map(|sum| sum / rows.len() as f64).collect()
}

/// Row by row; divided by the number of rows.
fn covariance(rows: &[&[f32]], mean: &[f64]) -> Vec<f64> {
    let len = mean.len();
    let mut covariance = vec![0.0; len * len];
    for row in rows {
        let centered: Vec<f64> = row
            .iter()
            .zip(mean)
            .map(|(value, mean)| f64::from(*value) - mean)
            .collect();
        for (i, a) in centered.iter().enumerate() {
            let products = covariance[i * len..][..=i].iter_mut();
            for (product, b) in products.zip(&centered) {
                *product += a * b;
            }
        }
    }
    for i in 0..len {
        for j in 0..=i {
            let value = covariance[i * len + j] / rows.len() as f64;
            covariance[i * len + j] = value;
            covariance[j * len + i] = value;
        }
    }
    covariance
}

/// The largest eigenvalues of a symmetric matrix without negative ones, and their vectors: subspace iteration, with the
/// directions inside the subspace told apart in each round (Rayleigh and Ritz).
fn largest(matrix: &[f64], len: usize, count: usize) -> (Vec<f64>, Vec<Vec<f64>>) {
    let width = (count + SPARE).min(len);
    let mut basis: Vec<Vec<f64>> = (0..width).map(|column| start(len, column)).collect();
    make_orthonormal(&mut basis);
    let mut values = vec![0.0; width];
    for _ in 0..MOST_ROUNDS {
        let mut images: Vec<Vec<f64>> = basis.iter().map(|v| times(matrix, v)).collect();
        let mut inner: Vec<f64> = basis
            .iter()
            .flat_map(|a| images.iter().map(|b| dot(a, b)))
            .collect();
        let turn = rotate_apart(&mut inner, width);
        let order = by_size(&inner, width);
        basis = turned(&basis, &turn, &order);
        images = turned(&images, &turn, &order);
        values = order.iter().map(|&i| inner[i * width + i]).collect();
        let allowed = TOLERANCE * values.first().copied().unwrap_or(0.0);
        let is_found = |index: usize| {
            let rest = images[index].iter().zip(&basis[index]);
            let squares = rest.map(|(image, v)| (image - values[index] * v).powi(2));
            squares.sum::<f64>().sqrt() <= allowed
        };
        if (0..count).all(is_found) {
            break;
        }
        basis = images;
        make_orthonormal(&mut basis);
    }
    values.truncate(count);
    basis.truncate(count);
    (values, basis)
}

/// Values that no data are at right angles to, the same at each call.
fn start(len: usize, column: usize) -> Vec<f64> {
    let mixed = |row: usize| {
        let seed = (column * len + row + 1) as u64;
        let mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 11
    };
    let unit = |row: usize| mixed(row) as f64 / (1_u64 << 53) as f64;
    (0..len).map(|row| unit(row) - 0.5).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn times(matrix: &[f64], vector: &[f64]) -> Vec<f64> {
    let rows = matrix.chunks_exact(vector.len());
    rows.map(|row| dot(row, vector)).collect()
}

/// Gram and Schmidt, twice since once leaves what rounding made; a vector that nothing is left of becomes zeros.
fn make_orthonormal(basis: &mut [Vec<f64>]) {
    for index in 0..basis.len() {
        let (before, rest) = basis.split_at_mut(index);
        let Some(vector) = rest.first_mut() else {
            return;
        };
        let length = dot(vector, vector).sqrt();
        for _ in 0..2 {
            for other in before.iter() {
                let along = dot(vector, other);
                vector
                    .iter_mut()
                    .zip(other)
                    .for_each(|(x, y)| *x -= along * y);
            }
        }
        let left = dot(vector, vector).sqrt();
        let factor = if left > 1e-14 * length {
            1.0 / left
        } else {
            0.0
        };
        for value in vector.iter_mut() {
            *value *= factor;
        }
    }
}

/// Jacobi's rotations of a small symmetric matrix: its diagonal becomes its eigenvalues; returns the vectors as columns.
fn rotate_apart(matrix: &mut [f64], len: usize) -> Vec<f64> {
    const SWEEPS: usize = 50;
    let mut turn = vec![0.0; len * len];
    (0..len).for_each(|i| turn[i * len + i] = 1.0);
    let size: f64 = matrix.iter().map(|x| x * x).sum();
    for _ in 0..SWEEPS {
        let off: f64 = (0..len)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| matrix[i * len + j].powi(2))
            .sum();
        if off <= 1e-32 * size {
            break;
        }
        for q in 1..len {
            for p in 0..q {
                rotate(matrix, &mut turn, len, (p, q));
            }
        }
    }
    turn
}

/// Make the value of row `p` and column `q` zero.
fn rotate(matrix: &mut [f64], turn: &mut [f64], len: usize, (p, q): (usize, usize)) {
    let off = matrix[p * len + q];
    if off == 0.0 {
        return;
    }
    let ratio = (matrix[q * len + q] - matrix[p * len + p]) / (2.0 * off);
    let tangent = ratio.signum() / (ratio.abs() + ratio.hypot(1.0));
    let cosine = 1.0 / tangent.hypot(1.0);
    let sine = tangent * cosine;
    let mix = |values: &mut [f64], a: usize, b: usize| {
        let (x, y) = (values[a], values[b]);
        values[a] = cosine * x - sine * y;
        values[b] = sine * x + cosine * y;
    };
    for k in 0..len {
        mix(matrix, k * len + p, k * len + q);
    }
    for k in 0..len {
        mix(matrix, p * len + k, q * len + k);
        mix(turn, k * len + p, k * len + q);
    }
}

/// Places on the diagonal, the largest value first.
fn by_size(matrix: &[f64], len: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    order.sort_by(|&a, &b| matrix[b * len + b].total_cmp(&matrix[a * len + a]));
    order
}

/// For each place of `order`, the mix of `vectors` that this column of `turn` asks for.
fn turned(vectors: &[Vec<f64>], turn: &[f64], order: &[usize]) -> Vec<Vec<f64>> {
    let (width, len) = (vectors.len(), vectors.first().map_or(0, Vec::len));
    let mixed = |&column: &usize| {
        let mut mixed = vec![0.0; len];
        for (row, vector) in vectors.iter().enumerate() {
            let factor = turn[row * width + column];
            mixed
                .iter_mut()
                .zip(vector)
                .for_each(|(x, y)| *x += factor * y);
        }
        mixed
    };
    order.iter().map(mixed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_that_is_longer_than_wide_lies_along_its_length() {
        let rows: Vec<[f32; 3]> = (0..100)
            .map(|i| {
                let (t, s) = (
                    (i as f32 - 49.5) / 10.0,
                    if [0, 3].contains(&(i % 4)) { 0.5 } else { -0.5 },
                );
                // Along (3, 4, 0) / 5, and a little along (0, 0, 1).
                [1.0 + 0.6 * t, 2.0 + 0.8 * t, s]
            })
            .collect();
        let rows: Vec<&[f32]> = rows.iter().map(|row| &row[..]).collect();
        let found = PrincipalComponents::of(&rows, 2).unwrap();
        let near = |found: &[f64], expected: [f64; 3]| {
            let pairs = found.iter().zip(expected);
            pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-3)
        };
        assert!(near(&found.mean, [1.0, 2.0, 0.0]), "{found:?}");
        assert!(near(&found.directions[0], [0.6, 0.8, 0.0]), "{found:?}");
        assert!(near(&found.directions[1], [0.0, 0.0, 1.0]), "{found:?}");
        assert!((found.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let place = found.place(rows[99]);
        assert!((place[0] - 4.95).abs() < 1e-2 && (place[1] - 0.5).abs() < 1e-2);
    }

    #[test]
    fn what_does_not_vary_has_a_place_too() {
        let same: [&[f32]; 3] = [&[1.0, 2.0]; 3];
        let found = PrincipalComponents::of(&same, 2).unwrap();
        assert_eq!(found.place(same[0]), [0.0, 0.0]);
        assert_eq!(found.shares, [0.0, 0.0]);
        assert_eq!(PrincipalComponents::of(&[], 2), None);
        assert_eq!(PrincipalComponents::of(&[&[1.0], &[1.0, 2.0]], 2), None);
        let one = PrincipalComponents::of(&[&[1.0, 2.0]], 2).unwrap();
        assert_eq!(one.place(&[1.0, 2.0]), [0.0, 0.0]);
    }

    /// A matrix with a known answer: 2 on the diagonal and -1 beside it, whose eigenvalues are 2 - 2 cos(k pi / (n + 1)).
    #[test]
    fn eigenvalues_near_each_other_are_told_apart() {
        const LEN: usize = 40;
        let mut matrix = vec![0.0; LEN * LEN];
        for i in 0..LEN {
            matrix[i * LEN + i] = 2.0;
            if i > 0 {
                matrix[i * LEN + i - 1] = -1.0;
                matrix[(i - 1) * LEN + i] = -1.0;
            }
        }
        let (values, vectors) = largest(&matrix, LEN, 2);
        for (index, value) in values.iter().enumerate() {
            let k = (LEN - index) as f64;
            let expected = 2.0 - 2.0 * (k * std::f64::consts::PI / (LEN + 1) as f64).cos();
            assert!((value - expected).abs() < 1e-9, "{value} {expected}");
        }
        assert!(dot(&vectors[0], &vectors[1]).abs() < 1e-9);
    }
}
