//! A QR code, drawn as one path of an SVG in the page: without a script, an image file or a style.

use std::fmt::Write;

use fast_qr::{ECL, QRBuilder};

use crate::error::{Error, Result};

// ISO/IEC 18004: four light modules around the symbol.
const MARGIN: usize = 4;

/// A QR code as an SVG: a light square with a dark path.
pub struct QrCode {
    /// Its width and height, in modules.
    pub size: usize,
    /// The dark modules, as the `d` of a path. Each run of modules in a row is one rectangle.
    pub path: String,
}

impl QrCode {
    /// The QR code of a text. Errors: the text is longer than a QR code can be.
    pub fn of(text: &str) -> Result<QrCode> {
        let code = QRBuilder::new(text).ecl(ECL::M).build();
        let code = code.map_err(|_| Error::internal("the text is too long for a QR code"))?;
        let mut path = String::new();
        for y in 0..code.size {
            let row = &code[y];
            let mut x = 0;
            while x < code.size {
                let run = row[x..].iter().take_while(|module| module.value()).count();
                if run > 0 {
                    write!(path, "M{} {}h{run}v1h-{run}z", x + MARGIN, y + MARGIN).map_err(Error::internal)?;
                }
                x += run.max(1);
            }
        }
        Ok(QrCode { size: code.size + 2 * MARGIN, path })
    }
}

#[cfg(test)]
mod tests {
    use super::QrCode;

    #[test]
    fn a_code_begins_with_its_finder_pattern_inside_the_margin() {
        let code = QrCode::of("otpauth://totp/Shop:eva%40shop.example?secret=GEZDGNBVGY3TQOJQ").expect("fits");
        assert!(code.path.starts_with("M4 4h7v1h-7z"), "{}", code.path);
        assert!((29..=61).contains(&code.size), "{}", code.size);
        assert!(QrCode::of(&"x".repeat(3000)).is_err());
    }
}
