//! The images that are chosen by how alike they are.

use std::collections::HashMap;

use super::{Basis, Gallery};
use crate::state::arrangement::Alike;

impl Gallery {
    /// Leave out what is not alike, and put like beside like. Nothing is known of images that were not looked at yet.
    pub(super) fn arrange_alike(&self, order: &mut Vec<usize>, basis: Basis<'_>) {
        let (Some(alike), Some(similar)) = (&self.alike, basis.similar) else {
            return;
        };
        match alike {
            Alike::Like(to) => {
                let like = |&image: &usize| {
                    let similarity = self
                        .run_id(image)
                        .and_then(|id| similar.similarity(*to, id));
                    Some((similarity?, image))
                };
                let mut known: Vec<(f64, usize)> = order.iter().filter_map(like).collect();
                // The image itself is as like as any copy of it, and comes before them.
                let is_itself = |image: usize| self.run_id(image) == Some(*to);
                known.sort_by(|(a, image), (b, other)| {
                    let itself = is_itself(*other).cmp(&is_itself(*image));
                    itself.then(b.total_cmp(a))
                });
                *order = known.into_iter().map(|(_, image)| image).collect();
            }
            Alike::Surrounded(ids) => {
                order.retain(|&image| self.run_id(image).is_some_and(|id| ids.contains(&id)));
            }
            Alike::Duplicates => {
                let mut places: HashMap<usize, usize> = HashMap::new();
                for (place, id) in similar.twins.iter().flat_map(|t| t.images).enumerate() {
                    places.entry(id).or_insert(place);
                }
                let place = |&image: &usize| places.get(&self.run_id(image)?).copied();
                order.retain(|image| place(image).is_some());
                order.sort_by_key(place);
            }
        }
    }
}
