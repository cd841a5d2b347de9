//! The 16 bytes that each side sends first.

use super::{FRAGMENT, Fault};

/// What a side announces when a connection begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preface {
    /// The lowest version it speaks.
    pub version_min: u8,
    /// The highest version it speaks.
    pub version_max: u8,
    /// What it can do beyond the version. The connection uses what both sides have.
    pub features: u32,
    /// The largest payload of a frame it takes, as a power of two: 2^16 to 2^24 bytes.
    pub frame_log2: u8,
    /// Its window per stream, as a power of two: 2^16 to 2^30 bytes.
    pub stream_window_log2: u8,
    /// Its window per connection, as a power of two: 2^17 to 2^30 bytes.
    pub connection_window_log2: u8,
    /// The largest message it takes, as a power of two, rounded up: 2^10 to 2^31 bytes.
    pub message_log2: u8,
    /// The most calls that the peer may have open at it.
    pub streams: u16,
}

/// What two prefaces agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The highest version that both speak.
    pub version: u8,
    /// The features that both have.
    pub features: u32,
}

impl Negotiated {
    /// Of peers that agree on nothing.
    pub const NONE: Self = Self {
        version: 0,
        features: 0,
    };
}

impl Preface {
    /// Bytes of a preface.
    pub const LENGTH: usize = 16;
    /// How every preface begins. 0xF5 is in no UTF-8 text, and begins neither TLS nor HTTP nor Dubbo.
    pub const MAGIC: [u8; 4] = [0xf5, b'C', b'S', b'H'];
    /// The version that this build speaks.
    pub const VERSION: u8 = 1;
    /// The features that this build has: none are defined yet.
    pub const FEATURES: u32 = 0;

    /// Its bytes.
    pub fn encode(&self) -> [u8; Self::LENGTH] {
        let mut out = [0; Self::LENGTH];
        out[..4].copy_from_slice(&Self::MAGIC);
        out[4] = self.version_min;
        out[5] = self.version_max;
        out[6..10].copy_from_slice(&self.features.to_be_bytes());
        out[10] = self.frame_log2;
        out[11] = self.stream_window_log2;
        out[12] = self.connection_window_log2;
        out[13] = self.message_log2;
        out[14..].copy_from_slice(&self.streams.to_be_bytes());
        out
    }

    /// The preface at the front of `bytes`; `None` while it may still become one.
    ///
    /// # Errors
    /// [`Fault::Magic`] at the first byte that differs, [`Fault::Announced`] for a value that version 1 forbids.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, Fault> {
        if bytes
            .iter()
            .zip(Self::MAGIC)
            .any(|(byte, magic)| *byte != magic)
        {
            return Err(Fault::Magic);
        }
        let Some(bytes) = bytes.first_chunk::<{ Self::LENGTH }>() else {
            return Ok(None);
        };
        let preface = Self {
            version_min: bytes[4],
            version_max: bytes[5],
            features: u32::from_be_bytes([bytes[6], bytes[7], bytes[8], bytes[9]]),
            frame_log2: bytes[10],
            stream_window_log2: bytes[11],
            connection_window_log2: bytes[12],
            message_log2: bytes[13],
            streams: u16::from_be_bytes([bytes[14], bytes[15]]),
        };
        let ranges = [
            (
                "version",
                preface.version_max,
                preface.version_min.max(1),
                u8::MAX,
            ),
            ("frame size", preface.frame_log2, 16, 24),
            ("stream window", preface.stream_window_log2, 16, 30),
            ("connection window", preface.connection_window_log2, 17, 30),
            ("message size", preface.message_log2, 10, 31),
        ];
        for (field, value, low, high) in ranges {
            if !(low..=high).contains(&value) {
                return Err(Fault::Announced {
                    field,
                    value: value.into(),
                });
            }
        }
        Ok(Some(preface))
    }

    /// What this side and a peer agree on.
    ///
    /// # Errors
    /// [`Fault::Version`]
    pub fn negotiate(&self, theirs: &Self) -> Result<Negotiated, Fault> {
        let version = self.version_max.min(theirs.version_max);
        if version < self.version_min.max(theirs.version_min) {
            return Err(Fault::Version {
                ours: (self.version_min, self.version_max),
                theirs: (theirs.version_min, theirs.version_max),
            });
        }
        Ok(Negotiated {
            version,
            features: self.features & theirs.features,
        })
    }
}

// A fragment must fit into every window and every frame that a preface can announce.
const _: () = assert!(FRAGMENT < 1 << 16);

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> Preface {
        Preface {
            version_min: 1,
            version_max: 3,
            features: 0b101,
            frame_log2: 16,
            stream_window_log2: 16,
            connection_window_log2: 20,
            message_log2: 22,
            streams: 1024,
        }
    }

    #[test]
    fn a_preface_returns_as_it_was_written_and_waits_for_its_last_byte() {
        let bytes = ours().encode();
        for cut in 0..Preface::LENGTH {
            assert_eq!(Preface::decode(&bytes[..cut]), Ok(None));
        }
        assert_eq!(Preface::decode(&bytes), Ok(Some(ours())));
    }

    #[test]
    fn the_first_wrong_byte_of_the_magic_is_enough() {
        for other in [
            &b"\x16\x03\x01"[..],
            b"GET / HTTP/1.1",
            b"PRI * HTTP/2.0",
            b"\xda\xbb",
            b"\0",
            b"\xf5CT",
        ] {
            assert_eq!(Preface::decode(other), Err(Fault::Magic));
        }
    }

    #[test]
    fn a_value_that_version_1_forbids_is_named() {
        for (at, value, field) in [
            (5, 0, "version"),
            (10, 15, "frame size"),
            (10, 25, "frame size"),
            (11, 15, "stream window"),
            (12, 16, "connection window"),
            (13, 200, "message size"),
        ] {
            let mut bytes = ours().encode();
            bytes[at] = value;
            assert_eq!(
                Preface::decode(&bytes),
                Err(Fault::Announced {
                    field,
                    value: value.into()
                })
            );
        }
    }

    #[test]
    fn peers_take_the_highest_common_version_and_the_common_features() {
        let newer = Preface {
            version_min: 2,
            version_max: 9,
            features: 0b110,
            ..ours()
        };
        assert_eq!(
            ours().negotiate(&newer),
            Ok(Negotiated {
                version: 3,
                features: 0b100
            })
        );
        assert_eq!(newer.negotiate(&ours()), ours().negotiate(&newer));
        let too_new = Preface {
            version_min: 4,
            version_max: 9,
            ..ours()
        };
        assert_eq!(
            ours().negotiate(&too_new),
            Err(Fault::Version {
                ours: (1, 3),
                theirs: (4, 9)
            })
        );
    }
}
