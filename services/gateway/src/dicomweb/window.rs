//! The window that a client names (PS3.18 section 8.3.5.1.3): a centre, a width, and one of the functions of PS3.3 C.11.2.1.2 and C.11.2.1.3.

use norma_domain::WindowLevel;

use crate::problem::ApiError;

/// From values to levels of grey.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Window {
    Linear(WindowLevel),
    /// Without the half a value that the linear function takes off.
    LinearExact {
        center: f64,
        width: f64,
    },
    Sigmoid {
        center: f64,
        width: f64,
    },
}

impl Window {
    /// `center,width,function`; linear where the function is left out.
    ///
    /// # Errors
    /// [`ApiError::InvalidParameter`] where it is none.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let invalid = || ApiError::InvalidParameter {
            parameter: "window".to_owned(),
            detail: "center,width and linear (a width of at least 1), linear-exact or sigmoid (more than 0)"
                .to_owned(),
        };
        let mut parts = text.split(',').map(str::trim);
        let mut number = || {
            parts
                .next()?
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
        };
        let (center, width) = number().zip(number()).ok_or_else(invalid)?;
        let function = parts.next().unwrap_or_default().to_ascii_lowercase();
        let is_over = parts.next().is_none();
        match function.replace('_', "-").as_str() {
            "" | "linear" if is_over => {
                let window = WindowLevel::new(center, width).map_err(|_| invalid())?;
                Ok(Self::Linear(window))
            }
            "linear-exact" if width > 0.0 && is_over => Ok(Self::LinearExact { center, width }),
            "sigmoid" if width > 0.0 && is_over => Ok(Self::Sigmoid { center, width }),
            _ => Err(invalid()),
        }
    }

    /// Level of grey, 0 to 255, of a value.
    pub(super) fn grey(self, value: f64) -> u8 {
        let fraction = match self {
            Self::Linear(window) => return window.grey(value),
            Self::LinearExact { center, width } => (value - center) / width + 0.5,
            Self::Sigmoid { center, width } => 1.0 / (1.0 + (-4.0 * (value - center) / width).exp()),
        };
        (fraction.clamp(0.0, 1.0) * 255.0).round() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_of_the_standard() {
        let levels = |text: &str| {
            let window = Window::parse(text).unwrap();
            [-160.0, 40.0, 139.0, 240.0].map(|value| window.grey(value))
        };
        assert_eq!(levels("40,400"), [0, 128, 191, 255]);
        assert_eq!(levels("40,400,LINEAR"), levels("40,400"));
        assert_eq!(levels("40,400,linear-exact"), [0, 128, 191, 255]);
        assert_eq!(levels("40, 400, LINEAR_EXACT"), levels("40,400,linear-exact"));
        // 1 / (1 + e²), a half, 1 / (1 + e^-0.99), 1 / (1 + e^-2).
        assert_eq!(levels("40,400,sigmoid"), [30, 128, 186, 225]);
        for invalid in [
            "",
            "40",
            "a,b",
            "40,0",
            "40,0,sigmoid",
            "40,400,cubic",
            "40,400,linear,1",
            "nan,1",
        ] {
            assert!(Window::parse(invalid).is_err(), "{invalid}");
        }
    }
}
