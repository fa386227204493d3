//! Plain image slices prepared for training by the same code that serves studies.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::Array2;
use norma_volume::{CropBox, prepare_slice, pseudo_hounsfield, segment_lungs_in_slice};
use rayon::prelude::*;

use super::error::{TrainingSetError, write_error};
use super::npy::PlaneWriter;

/// What was prepared, per value of the index's column `source`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrainingSetCounts {
    /// Prepared and left out slices by source.
    pub by_source: BTreeMap<String, (usize, usize)>,
}

type Prepared = (Array2<u8>, Array2<u8>, CropBox);

/// Prepares the image slices (8-bit grey JPEG or PNG) that `index` (CSV with a column `file`, relative to
/// `folder`) lists.
///
/// Writes to `out`: `pixels.npy` and `lung_mask.npy` (uint8, `(n, 224, 224)`, mask 0 or 1) and `index.csv`:
/// every column of the input and `row` (in the arrays, empty where the slice was left out), `prepared`
/// (yes or no), `reason` (why not), `crop_y`, `crop_x`, `crop_side` (pixels of the image).
pub fn prepare_image_slices(
    index: &Path,
    folder: &Path,
    out: &Path,
    on_slice: &(dyn Fn() + Sync),
) -> Result<TrainingSetCounts, TrainingSetError> {
    let mut reader = csv::Reader::from_path(index).map_err(TrainingSetError::ReadIndex)?;
    let header = reader.headers().map_err(TrainingSetError::ReadIndex)?.clone();
    let file_column = header
        .iter()
        .position(|name| name == "file")
        .ok_or(TrainingSetError::NoFileColumn)?;
    let source_column = header.iter().position(|name| name == "source");
    let records: Vec<csv::StringRecord> = reader
        .records()
        .collect::<Result<_, _>>()
        .map_err(TrainingSetError::ReadIndex)?;

    let results: Vec<Result<Prepared, &'static str>> = records
        .par_iter()
        .map(|record| {
            let result = prepare_image(&folder.join(record.get(file_column).unwrap_or_default()));
            on_slice();
            result
        })
        .collect();

    std::fs::create_dir_all(out).map_err(|source| write_error(out, source))?;
    let prepared: Vec<&Prepared> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    let mut pixels = PlaneWriter::create(&out.join("pixels.npy"))?;
    let mut masks = PlaneWriter::create(&out.join("lung_mask.npy"))?;
    for (plane, mask, _) in prepared {
        pixels.push(&plane.view())?;
        masks.push(&mask.view())?;
    }
    pixels.finish()?;
    masks.finish()?;

    let mut writer = csv::Writer::from_path(out.join("index.csv")).map_err(TrainingSetError::WriteIndex)?;
    let added = ["row", "prepared", "reason", "crop_y", "crop_x", "crop_side"];
    writer
        .write_record(header.iter().chain(added))
        .map_err(TrainingSetError::WriteIndex)?;
    let mut counts = TrainingSetCounts::default();
    let mut row = 0;
    for (record, result) in records.iter().zip(&results) {
        let source = source_column
            .and_then(|column| record.get(column))
            .unwrap_or_default();
        let count = counts.by_source.entry(source.to_owned()).or_default();
        let fields = match result {
            Ok((_, _, crop)) => {
                count.0 += 1;
                row += 1;
                let number = |value: f32| format!("{value:.2}");
                [
                    (row - 1).to_string(),
                    "yes".into(),
                    String::new(),
                    number(crop.y),
                    number(crop.x),
                    number(crop.side),
                ]
            }
            Err(reason) => {
                count.1 += 1;
                [
                    String::new(),
                    "no".into(),
                    (*reason).to_owned(),
                    String::new(),
                    String::new(),
                    String::new(),
                ]
            }
        };
        writer
            .write_record(record.iter().chain(fields.iter().map(String::as_str)))
            .map_err(TrainingSetError::WriteIndex)?;
    }
    writer
        .flush()
        .map_err(|source| write_error(&out.join("index.csv"), source))?;
    Ok(counts)
}

fn prepare_image(path: &Path) -> Result<Prepared, &'static str> {
    let image = image::open(path).map_err(|_| "unreadable_image")?.into_luma8();
    let (columns, rows) = image.dimensions();
    let grey = Array2::from_shape_vec((rows as usize, columns as usize), image.into_raw())
        .map_err(|_| "unreadable_image")?;
    let hounsfield = pseudo_hounsfield(&grey).ok_or("no_levels")?;
    let lungs = segment_lungs_in_slice(&hounsfield);
    prepare_slice(&hounsfield, &lungs).ok_or("no_lungs")
}

#[cfg(test)]
mod tests {
    use norma_domain::WindowLevel;
    use norma_test_support::{PhantomOptions, phantom_volume};
    use norma_volume::PREPARED_SIZE;

    use super::*;

    #[test]
    fn slices_are_prepared_and_the_others_say_why_not() {
        let folder = tempfile::tempdir().unwrap();
        let volume = phantom_volume(&PhantomOptions {
            size: 256,
            ..PhantomOptions::small()
        });
        let save = |name: &str, slice: usize| {
            let grey = volume
                .slice(slice)
                .mapv(|value| WindowLevel::LUNG.grey(f64::from(value)));
            let image = image::GrayImage::from_raw(256, 256, grey.into_iter().collect()).unwrap();
            image.save(folder.path().join(name)).unwrap();
        };
        save("chest.png", 34);
        save("abdomen.png", 1);
        std::fs::write(folder.path().join("broken.png"), b"no image").unwrap();
        let index = folder.path().join("slices.csv");
        std::fs::write(
            &index,
            "file,source,label\nabdomen.png,phantom,normal\nchest.png,phantom,normal\nbroken.png,other,normal\n",
        )
        .unwrap();

        let out = folder.path().join("out");
        let counts = prepare_image_slices(&index, folder.path(), &out, &|| ()).unwrap();
        assert_eq!(counts.by_source["phantom"], (1, 1));
        assert_eq!(counts.by_source["other"], (0, 1));

        let rows = std::fs::read_to_string(out.join("index.csv")).unwrap();
        let rows: Vec<&str> = rows.lines().collect();
        assert_eq!(
            rows[0],
            "file,source,label,row,prepared,reason,crop_y,crop_x,crop_side"
        );
        assert_eq!(rows[1], "abdomen.png,phantom,normal,,no,no_lungs,,,");
        assert!(rows[2].starts_with("chest.png,phantom,normal,0,yes,,"));
        assert_eq!(rows[3], "broken.png,other,normal,,no,unreadable_image,,,");

        let mask = std::fs::read(out.join("lung_mask.npy")).unwrap();
        let values = &mask[mask.len() - PREPARED_SIZE * PREPARED_SIZE..];
        let lung = values.iter().filter(|&&value| value == 1).count();
        assert!((8_000..30_000).contains(&lung), "{lung}");
        let pixels = std::fs::read(out.join("pixels.npy")).unwrap();
        assert_eq!(pixels.len(), mask.len());
    }
}
