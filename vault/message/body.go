package message

import (
	"io"
	"strings"
)

// Body undoes the content transfer encoding of p. Raw is the octets of p.Body. What cannot be decoded is skipped
// (base64) or kept as it is (quoted-printable); an encoding that is not known changes nothing. It gives p.Decoded octets.
// Errors are those of raw.
func Body(p *Part, raw io.Reader) io.Reader {
	if d := decoderOf(p.Encoding, p.Trimmed); d != nil {
		return &decodingReader{raw: raw, decoder: d}
	}
	return raw
}

// Text is Body in UTF-8: by the part's charset, or if that is unknown as UTF-8 where it is valid and windows-1252 where
// not. Line ends stay as they are.
func Text(p *Part, raw io.Reader) io.Reader {
	return toUTF8(p.Param("charset"), Body(p, raw))
}

// TextString reads at most limit octets of Text, cut between runes, and tells whether there was more. Errors are those
// of raw.
func TextString(p *Part, raw io.Reader, limit int) (text string, cut bool, err error) {
	var b strings.Builder
	b.Grow(int(min(p.Decoded, int64(limit)+1)))
	_, err = io.Copy(&b, io.LimitReader(Text(p, raw), int64(limit)+1))
	return clip(b.String(), limit), b.Len() > limit, err
}

// decoder is a content transfer decoding. It appends what is decoded.
type decoder interface {
	decode(dst, src []byte) []byte
	end(dst []byte) []byte
}

// decoderOf gives nil for an encoding that changes nothing; trims is a Part's Trimmed.
func decoderOf(encoding string, trims bool) decoder {
	switch strings.ToLower(encoding) {
	case "base64":
		return &unbase64{}
	case "quoted-printable":
		return &unquote{pads: !trims}
	}
	return nil
}

// decodingReader decodes what it reads.
type decodingReader struct {
	raw     io.Reader
	decoder decoder
	in      []byte
	out     []byte // room for what is decoded
	ready   []byte // decoded and not yet read
	err     error
}

// Read implements io.Reader.
func (r *decodingReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.in == nil {
		r.in = make([]byte, 16<<10)
	}
	for len(r.ready) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		var n int
		n, r.err = r.raw.Read(r.in)
		r.out = r.decoder.decode(r.out[:0], r.in[:n])
		if r.err == io.EOF {
			r.out = r.decoder.end(r.out)
		}
		r.ready = r.out
	}
	n := copy(p, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}
