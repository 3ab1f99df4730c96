//! The two ways the gateway compresses: single payloads on request, or the whole transport.

use std::io::Write;

use axum::extract::ws::Message;
use flate2::{Compress, Compression, FlushCompress, write::ZlibEncoder};

/// Payloads longer than this are compressed for a client that identified with `compress: true`.
const COMPRESS_FROM: usize = 512;

/// How one socket's payloads are framed.
pub(super) enum Framing {
    /// Text; long payloads as one whole zlib stream each once the client asked for it.
    Payload { compress: bool },
    /// `compress=zlib-stream`: one zlib stream for the life of the socket, flushed after every payload.
    Stream(Box<Compress>),
}

impl Framing {
    /// By the `compress` query parameter.
    pub(super) fn asked(zlib_stream: bool) -> Self {
        if zlib_stream {
            Self::Stream(Box::new(Compress::new(Compression::fast(), true)))
        } else {
            Self::Payload { compress: false }
        }
    }

    /// The client identified with `compress: true`.
    pub(super) fn compress_payloads(&mut self) {
        if let Self::Payload { compress } = self {
            *compress = true;
        }
    }

    /// One payload as a websocket message.
    pub(super) fn frame(&mut self, text: &str) -> Message {
        match self {
            Self::Payload { compress: true } if text.len() > COMPRESS_FROM => {
                whole(text.as_bytes()).map_or_else(|| Message::text(text), Message::binary)
            }
            Self::Payload { .. } => Message::text(text),
            Self::Stream(stream) => Message::binary(flushed(stream, text.as_bytes())),
        }
    }
}

/// One whole zlib stream.
fn whole(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// The stream's bytes for this payload, ending in `00 00 FF FF`.
fn flushed(stream: &mut Compress, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 2 + 64);
    let start = stream.total_in();
    loop {
        let done = usize::try_from(stream.total_in() - start).unwrap_or(bytes.len());
        let status = stream.compress_vec(bytes.get(done..).unwrap_or_default(), &mut out, FlushCompress::Sync);
        let consumed = usize::try_from(stream.total_in() - start).unwrap_or(bytes.len());
        // Room left over after everything was read means the flush is whole.
        if status.is_err() || (consumed == bytes.len() && out.len() < out.capacity()) {
            return out;
        }
        out.reserve(out.capacity().max(256));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::{Decompress, FlushDecompress, read::ZlibDecoder};

    use super::*;

    #[test]
    fn stream_frames_end_in_the_sync_mark_and_decode_in_order() {
        let mut framing = Framing::asked(true);
        let mut inflate = Decompress::new(true);
        let noise: String =
            (0..20_000_u32).map(|i| char::from(b'!' + u8::try_from(i.wrapping_mul(7919) % 90).unwrap())).collect();
        for text in ["{}", &noise, r#"{"op":11}"#] {
            let Message::Binary(bytes) = framing.frame(text) else { panic!("expected a binary frame") };
            assert!(bytes.ends_with(&[0, 0, 0xff, 0xff]));
            let mut out = Vec::with_capacity(100_000);
            inflate.decompress_vec(&bytes, &mut out, FlushDecompress::Sync).unwrap();
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn long_payloads_are_whole_zlib_streams_only_when_asked() {
        let long = "x".repeat(5000);
        let mut framing = Framing::asked(false);
        assert!(matches!(framing.frame(&long), Message::Text(_)));
        framing.compress_payloads();
        assert!(matches!(framing.frame("short"), Message::Text(_)));
        let Message::Binary(bytes) = framing.frame(&long) else { panic!("expected a binary frame") };
        let mut out = String::new();
        ZlibDecoder::new(&bytes[..]).read_to_string(&mut out).unwrap();
        assert_eq!(out, long);
    }
}
