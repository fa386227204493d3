use ndarray::ArrayD;
use norma_inference::{
    Augmentation, InputTensor, KnownOutputs, KnownReading, SliceSelection, sha256_of_bytes,
};
use serde::{Deserialize, Serialize};

use super::framed::{Kind, ObjectError, decode_body, decode_header, encode};

const KIND: Kind = "NRMOUT01";

#[derive(Serialize, Deserialize)]
struct Header {
    /// SHA-256 of the object of the prepared slices that the graphs read.
    slices_sha256: String,
    readings: Vec<ReadingHeader>,
}

#[derive(Serialize, Deserialize)]
struct ReadingHeader {
    graph_sha256: String,
    input: InputTensor,
    selection: SliceSelection,
    augmentation: Augmentation,
    execution_provider: String,
    outputs: Vec<OutputHeader>,
}

#[derive(Serialize, Deserialize)]
struct OutputHeader {
    name: String,
    shape: Vec<usize>,
}

impl OutputHeader {
    /// Of the values, float32 each; None where no memory could hold so many.
    fn bytes(&self) -> Option<usize> {
        let values = self
            .shape
            .iter()
            .try_fold(1_usize, |product, size| product.checked_mul(*size))?;
        values.checked_mul(4)
    }
}

/// The bytes of what graphs said of prepared slices, whose object is `slices`: float32 LE, one output after the other,
/// compressed.
pub fn encode_known_outputs(known: &KnownOutputs, slices: &[u8]) -> Result<Vec<u8>, ObjectError> {
    let outputs_of = |reading: &KnownReading| {
        let headers = reading.outputs.iter().map(|(name, values)| OutputHeader {
            name: name.clone(),
            shape: values.shape().to_vec(),
        });
        headers.collect()
    };
    let header = Header {
        slices_sha256: sha256_of_bytes(slices),
        readings: known
            .readings
            .iter()
            .map(|reading| ReadingHeader {
                graph_sha256: reading.graph_sha256.clone(),
                input: reading.input.clone(),
                selection: reading.selection,
                augmentation: reading.augmentation,
                execution_provider: reading.execution_provider.clone(),
                outputs: outputs_of(reading),
            })
            .collect(),
    };
    let values = known.readings.iter().flat_map(|reading| &reading.outputs);
    let body: Vec<u8> = values
        .flat_map(|(_, values)| values.iter().flat_map(|value| value.to_le_bytes()))
        .collect();
    encode(KIND, &header, &[&body])
}

/// Reads what [`encode_known_outputs`] wrote. None where the graphs read other slices than those of the object `slices`.
pub fn decode_known_outputs(bytes: &[u8], slices: &[u8]) -> Result<Option<KnownOutputs>, ObjectError> {
    let (header, body) = decode_header::<Header>(KIND, bytes)?;
    if header.slices_sha256 != sha256_of_bytes(slices) {
        return Ok(None);
    }
    let expected = header
        .readings
        .iter()
        .flat_map(|reading| &reading.outputs)
        .try_fold(0_usize, |sum, output| sum.checked_add(output.bytes()?));
    let body = decode_body(body, expected)?;
    let mut rest = body.as_slice();
    let mut values_of = |output: OutputHeader| {
        let early = || ObjectError::EndsEarly("within the values");
        let (values, further) = rest
            .split_at_checked(output.bytes().ok_or_else(early)?)
            .ok_or_else(early)?;
        rest = further;
        let (values, _) = values.as_chunks::<4>();
        let values = values.iter().map(|value| f32::from_le_bytes(*value)).collect();
        let array = ArrayD::from_shape_vec(output.shape, values)
            .map_err(|error| ObjectError::Inconsistent(error.to_string()))?;
        Ok((output.name, array))
    };
    let readings = header
        .readings
        .into_iter()
        .map(|reading| {
            let outputs = reading.outputs.into_iter().map(&mut values_of);
            Ok(KnownReading {
                outputs: outputs.collect::<Result<_, ObjectError>>()?,
                graph_sha256: reading.graph_sha256,
                input: reading.input,
                selection: reading.selection,
                augmentation: reading.augmentation,
                execution_provider: reading.execution_provider,
            })
        })
        .collect::<Result<_, ObjectError>>()?;
    Ok(Some(KnownOutputs { readings }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICES: &[u8] = b"prepared slices";

    fn known() -> KnownOutputs {
        let reading = |augmentation, outputs| KnownReading {
            graph_sha256: "ab".repeat(32),
            input: InputTensor {
                name: "image".to_owned(),
                channels: 1,
                size: 224,
                preprocessing: "norma.prepare/v1".to_owned(),
                hounsfield_range: [-1000.0, 200.0],
                mean: vec![0.498_039_22],
                std: vec![0.501_960_78],
            },
            selection: SliceSelection { count: 64 },
            augmentation,
            execution_provider: "cpu".to_owned(),
            outputs,
        };
        let values = |shape: &[usize]| {
            let count = shape.iter().product::<usize>();
            let values = (0..count).map(|value| value as f32 / 7.0 - 1.0).collect();
            ArrayD::from_shape_vec(shape, values).unwrap()
        };
        KnownOutputs {
            readings: vec![
                reading(
                    Augmentation::Identity,
                    vec![
                        ("logit".to_owned(), values(&[3])),
                        ("activation_map".to_owned(), values(&[3, 2, 2])),
                    ],
                ),
                reading(
                    Augmentation::HorizontalFlip,
                    vec![("logit".to_owned(), values(&[3]))],
                ),
            ],
        }
    }

    #[test]
    fn what_is_encoded_is_decoded_bit_by_bit() {
        let bytes = encode_known_outputs(&known(), SLICES).unwrap();
        assert_eq!(decode_known_outputs(&bytes, SLICES).unwrap(), Some(known()));
    }

    #[test]
    fn outputs_of_other_slices_are_not_known() {
        let bytes = encode_known_outputs(&known(), SLICES).unwrap();
        assert_eq!(decode_known_outputs(&bytes, b"prepared again").unwrap(), None);
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        let bytes = encode_known_outputs(&known(), SLICES).unwrap();
        for length in 0..bytes.len() {
            assert!(
                decode_known_outputs(&bytes[..length], SLICES).is_err(),
                "{length}"
            );
        }
        for (shape, lie) in [
            ("[3,2,2]", "[3,2,9]"),
            ("[3,2,2]", "[3,2,1]"),
            ("[3,2,2]", "[9,9,9]"),
        ] {
            let place = bytes
                .windows(shape.len())
                .position(|part| part == shape.as_bytes())
                .unwrap();
            let mut lying = bytes.clone();
            lying[place..place + lie.len()].copy_from_slice(lie.as_bytes());
            assert!(decode_known_outputs(&lying, SLICES).is_err(), "{lie}");
        }
    }
}
