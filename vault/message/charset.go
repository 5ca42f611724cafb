package message

import (
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// aliases are names met in mail that neither the WHATWG nor the IANA register knows.
func alias(name string) encoding.Encoding {
	switch name {
	case "ansi", "cp-1252", "win-1252", "win1252", "windows1252", "8859-1", "iso8859", "latin-1":
		return charmap.Windows1252
	case "8859-15", "latin-9", "latin9":
		return charmap.ISO8859_15
	case "cp850", "cp-850", "dos-850":
		return charmap.CodePage850
	case "cp437", "cp-437":
		return charmap.CodePage437
	case "cp932", "cp-932", "ms932", "windows-932":
		return japanese.ShiftJIS
	case "cp936", "ms936", "windows-936":
		return simplifiedchinese.GBK
	case "cp949", "ms949", "windows-949":
		return korean.EUCKR
	case "cp950", "windows-950":
		return traditionalchinese.Big5
	case "utf-16", "unicode", "ucs-2":
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case "utf-32", "ucs-4":
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case "utf-7", "unicode-1-1-utf-7", "unicode-2-0-utf-7":
		return utf7{}
	}
	return nil
}

// charset finds the encoding of a MIME charset name. It is nil for UTF-8, US-ASCII and names nobody knows: those are
// read by lenient.
func charset(name string) encoding.Encoding {
	name, _, _ = strings.Cut(strings.ToLower(strings.Trim(name, " \t\"'")), "*") // RFC 2231 section 5
	switch name {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "x-user-defined":
		return nil
	}
	if e := alias(name); e != nil {
		return e
	}
	if e, err := htmlindex.Get(name); err == nil && e != encoding.Replacement && e != unicode.UTF8 {
		return e
	}
	if e, err := ianaindex.MIME.Encoding(name); err == nil && e != nil && e != unicode.UTF8 {
		return e
	}
	return nil
}

// toUTF8 reads r in the charset as UTF-8.
func toUTF8(name string, r io.Reader) io.Reader {
	if e := charset(name); e != nil {
		return transform.NewReader(r, forgiving{e.NewDecoder()})
	}
	return transform.NewReader(r, lenient{})
}

// decodeBytes reads b in a charset of x/text as UTF-8.
func decodeBytes(e encoding.Encoding, b []byte) []byte {
	out, _, _ := transform.Bytes(forgiving{e.NewDecoder()}, b) // a forgiving decoder does not fail
	return out
}

// forgiving makes U+FFFD of what a decoder fails at. Most write it themselves; some give an error, such as that of UTF-32
// at an end in the middle of a character.
type forgiving struct{ *encoding.Decoder }

// Transform implements transform.Transformer.
func (f forgiving) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	nDst, nSrc, err = f.Decoder.Transform(dst, src, atEOF)
	if err == nil || err == transform.ErrShortDst || err == transform.ErrShortSrc && !atEOF || nSrc == len(src) {
		return nDst, nSrc, err
	}
	if nDst+utf8.RuneLen(utf8.RuneError) > len(dst) {
		return nDst, nSrc, transform.ErrShortDst
	}
	nDst += utf8.EncodeRune(dst[nDst:], utf8.RuneError)
	if nSrc++; nSrc < len(src) {
		return nDst, nSrc, transform.ErrShortDst // to be called again
	}
	return nDst, nSrc, nil
}

// lenientRune reads one rune of text that says it is UTF-8 or says nothing: UTF-8 where it is valid and else
// windows-1252, octet by octet, so that one bad octet does not change how the rest is read.
func lenientRune(b string) (rune, int) {
	r, n := utf8.DecodeRuneInString(b)
	if r == utf8.RuneError && n == 1 {
		return charmap.Windows1252.DecodeByte(b[0]), 1
	}
	return r, n
}

// lenientString gives s as valid UTF-8.
func lenientString(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for len(s) > 0 {
		r, n := lenientRune(s)
		out.WriteRune(r)
		s = s[n:]
	}
	return out.String()
}

// lenient is lenientRune for streams.
type lenient struct{ transform.NopResetter }

// Transform implements transform.Transformer.
func (lenient) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	if len(src) <= len(dst) && utf8.Valid(src) { // as most is
		n := copy(dst, src)
		return n, n, nil
	}
	for nSrc < len(src) {
		r, n := rune(src[nSrc]), 1
		if r >= utf8.RuneSelf {
			if !atEOF && !utf8.FullRune(src[nSrc:]) {
				return nDst, nSrc, transform.ErrShortSrc
			}
			if r, n = utf8.DecodeRune(src[nSrc:]); n == 1 {
				r = charmap.Windows1252.DecodeByte(src[nSrc])
			}
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += n
	}
	return nDst, nSrc, nil
}
