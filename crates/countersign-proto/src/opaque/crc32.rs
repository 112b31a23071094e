//! What is the CRC-32 of some bytes (ISO 3309, the one of zip and PNG)?

/// The checksum. It finds typing errors, and proves nothing.
pub(super) fn of(bytes: &[u8]) -> u32 {
    let checksum = bytes.iter().fold(u32::MAX, |checksum, byte| {
        let index = (checksum ^ u32::from(*byte)) & 0xff;
        TABLE[index as usize] ^ (checksum >> 8)
    });
    !checksum
}

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = value >> 1 ^ if value & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    // The check value of the catalogue of CRC algorithms, and values of Python's zlib.crc32.
    #[test]
    fn the_checksum_is_that_of_zlib() {
        for (bytes, checksum) in [
            (&b""[..], 0x0000_0000),
            (b"123456789", 0xcbf4_3926),
            (b"a", 0xe8b7_be43),
            (b"The quick brown fox jumps over the lazy dog", 0x414f_a339),
            (b"\x00\xff\x7f\x80", 0xdac3_0de8),
            (b"csn_rt_", 0xf81a_6c18),
        ] {
            assert_eq!(of(bytes), checksum, "{bytes:?}");
        }
    }
}
