//! Images that come to a run while it is at work.

use rusqlite::params;

use super::error::FileError;
use super::inserts::{insert_image, json_of};
use super::manifest::Manifest;
use super::rows::numbered_checksum;
use super::writer::RunWriter;
use crate::runs::results::RunImage;

impl RunWriter {
    /// Add images to a run that has begun, at the end of its list and of that which its shards share; `manifest` counts them
    /// already.
    pub fn add_images(
        &mut self,
        manifest: &Manifest,
        images: &[RunImage],
    ) -> Result<(), FileError> {
        let first = manifest.num_images - images.len();
        self.commit(|transaction| {
            let json = json_of(manifest);
            transaction.execute(
                "UPDATE manifest SET json = ?1, checksum = ?2",
                params![json, numbered_checksum("manifest", 1, json.as_bytes())],
            )?;
            let sql = "SELECT coalesce(max(position), -1) + 1 FROM images";
            let position: i64 = transaction.query_row(sql, [], |row| row.get(0))?;
            for (offset, image) in images.iter().enumerate() {
                insert_image(
                    transaction,
                    first + offset,
                    image,
                    position as usize + offset,
                )?;
            }
            Ok(())
        })
    }
}
