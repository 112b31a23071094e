//! How does an address get to a telephone?

use fast_qr::{ECL, QRBuilder};

/// Light dots around the code, without which a camera does not find it (ISO 18004, 9.1).
const MARGIN: usize = 4;

/// A QR code as text: two rows of dots a line, a full block where both are light.
pub(crate) struct Picture {
    pub(crate) lines: Vec<String>,
    /// How many columns it needs.
    pub(crate) columns: usize,
}

impl Picture {
    /// The picture of an address; `None` when it is too long for one.
    pub(crate) fn of(address: &str) -> Option<Picture> {
        let code = QRBuilder::new(address).ecl(ECL::L).build().ok()?;
        let columns = code.size + 2 * MARGIN;
        let is_dark = |row: usize, column: usize| {
            let (row, column) = (row.checked_sub(MARGIN), column.checked_sub(MARGIN));
            match (row, column) {
                (Some(row), Some(column)) if row < code.size && column < code.size => {
                    code[row][column].value()
                }
                _ => false,
            }
        };
        let dot = |row: usize, column: usize| match (is_dark(row, column), is_dark(row + 1, column))
        {
            (false, false) => '█',
            (false, true) => '▀',
            (true, false) => '▄',
            (true, true) => ' ',
        };
        let lines = (0..columns)
            .step_by(2)
            .map(|row| (0..columns).map(|column| dot(row, column)).collect())
            .collect();
        Some(Picture { lines, columns })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: &str = "https://platform.example/login/7wq3PZ4mJ0r2vK8nXb5TcA";

    /// Dark dots, row by row, read back from the text.
    fn dots(picture: &Picture) -> Vec<Vec<bool>> {
        let rows = picture.lines.iter().flat_map(|line| {
            let dark = |upper: bool| {
                line.chars()
                    .map(move |c| match c {
                        ' ' => true,
                        '▀' => !upper,
                        '▄' => upper,
                        _ => false,
                    })
                    .collect()
            };
            [dark(true), dark(false)]
        });
        rows.collect()
    }

    #[test]
    fn the_picture_has_a_light_margin_and_the_three_finders() {
        let picture = Picture::of(ADDRESS).unwrap();
        let dots = dots(&picture);
        let size = picture.columns;
        assert!(
            picture
                .lines
                .iter()
                .all(|line| line.chars().count() == size)
        );
        for (row, dots) in dots.iter().enumerate() {
            for (column, dark) in dots.iter().enumerate() {
                let margin = [row, column]
                    .iter()
                    .any(|at| *at < MARGIN || *at >= size - MARGIN);
                assert!(!(margin && *dark), "row {row}, column {column}");
            }
        }
        // A dark ring of 7, a light one of 5, a dark square of 3 (ISO 18004, 6.3.3).
        let finder = |row: usize, column: usize| {
            (0..7).all(|down| {
                (0..7).all(|right| {
                    let ring = usize::abs_diff(down, 3).max(usize::abs_diff(right, 3));
                    dots[row + down][column + right] == (ring != 2)
                })
            })
        };
        let far = size - MARGIN - 7;
        assert!(finder(MARGIN, MARGIN) && finder(MARGIN, far) && finder(far, MARGIN));
    }

    #[test]
    fn an_address_as_long_as_ours_fits_a_narrow_terminal() {
        assert!(Picture::of(ADDRESS).unwrap().columns <= 60);
    }

    #[test]
    fn what_is_too_long_for_a_code_has_no_picture() {
        assert!(Picture::of(&"x".repeat(10_000)).is_none());
    }
}
