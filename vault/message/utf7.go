package message

import (
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// utf7 decodes UTF-7 (RFC 2152), which old Exchange servers still write. Nothing here writes it.
type utf7 struct{}

// NewDecoder implements encoding.Encoding.
func (utf7) NewDecoder() *encoding.Decoder { return &encoding.Decoder{Transformer: &utf7Decoder{}} }

// NewEncoder implements encoding.Encoding; it writes UTF-8.
func (utf7) NewEncoder() *encoding.Encoder { return &encoding.Encoder{Transformer: transform.Nop} }

type utf7Decoder struct {
	shifted, fresh bool // inside +…-; nothing seen since the plus
	bits           uint32
	n              uint // bits held
	high           rune // first half of a surrogate pair
}

// Reset implements transform.Transformer.
func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

// Transform implements transform.Transformer. One octet gives at most two runes.
func (d *utf7Decoder) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for ; nSrc < len(src); nSrc++ {
		if nDst+2*utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		for _, r := range d.step(src[nSrc]) {
			if r >= 0 {
				nDst += utf8.EncodeRune(dst[nDst:], r)
			}
		}
	}
	return nDst, nSrc, nil
}

// step takes one octet and gives up to two runes; -1 stands for none.
func (d *utf7Decoder) step(c byte) [2]rune {
	none := [2]rune{-1, -1}
	if !d.shifted {
		if c == '+' {
			*d = utf7Decoder{shifted: true, fresh: true}
			return none
		}
		return [2]rune{direct(c), -1}
	}
	if v := base64Value[c]; v < 64 {
		d.fresh = false
		d.bits, d.n = d.bits<<6|uint32(v), d.n+6
		if d.n < 16 {
			return none
		}
		d.n -= 16
		return d.unit(rune(d.bits >> d.n & 0xffff))
	}
	fresh, high := d.fresh, d.high
	d.Reset()
	out := none
	if high != 0 {
		out[0] = utf8.RuneError
	}
	switch {
	case c != '-':
		out[1] = direct(c)
	case fresh:
		out[1] = '+'
	}
	return out
}

// unit takes one UTF-16 code unit.
func (d *utf7Decoder) unit(u rune) [2]rune {
	high := d.high
	d.high = 0
	switch {
	case high != 0 && utf16.DecodeRune(high, u) != utf8.RuneError:
		return [2]rune{utf16.DecodeRune(high, u), -1}
	case 0xd800 <= u && u < 0xdc00:
		d.high = u
		if high != 0 {
			return [2]rune{utf8.RuneError, -1}
		}
		return [2]rune{-1, -1}
	case utf16.IsSurrogate(u):
		u = utf8.RuneError
	}
	if high != 0 {
		return [2]rune{utf8.RuneError, u}
	}
	return [2]rune{u, -1}
}

func direct(c byte) rune {
	if c >= utf8.RuneSelf {
		return utf8.RuneError
	}
	return rune(c)
}
