package message

import (
	"encoding/base64"
	"strings"
)

// word is an encoded word (RFC 2047 section 2) as it stands in a text.
type word struct {
	start, end int    // octets of the text
	charset    string // as written, perhaps with a language (RFC 2231 section 5)
	letter     byte   // 'B' or 'Q' as written
	data       []byte // after undoing B or Q
	from       []int  // for Q: data[i] was written in octets from[i] to from[i+1]; nil for B
}

// scanWord reads the encoded word that s[at:] begins with. It takes what mail programs write: spaces and question
// marks inside, and no white space around.
func scanWord(s string, at int) (word, bool) {
	if !strings.HasPrefix(s[at:], "=?") {
		return word{}, false
	}
	w := word{start: at}
	i := at + 2
	for i < len(s) && s[i] > ' ' && s[i] < 0x7f && s[i] != '?' {
		i++
	}
	if i == at+2 || i+2 >= len(s) || s[i] != '?' || s[i+2] != '?' || !strings.ContainsRune("BbQq", rune(s[i+1])) {
		return word{}, false
	}
	w.charset, w.letter = s[at+2:i], s[i+1]
	text := i + 3
	end := wordEnd(s, text)
	if end < 0 {
		return word{}, false
	}
	w.end = end + 2
	if w.letter == 'B' || w.letter == 'b' {
		var d unbase64
		w.data = d.end(d.decode(nil, []byte(s[text:end])))
		return w, true
	}
	w.unq(s, text, end)
	return w, true
}

// wordEnd finds the "?=" that ends an encoded word, -1 if another one begins first: then this one was cut off.
func wordEnd(s string, i int) int {
	for ; i+1 < len(s); i++ {
		switch {
		case s[i] == '?' && s[i+1] == '=':
			return i
		case s[i] == '=' && s[i+1] == '?' && (i+2 >= len(s) || s[i+2] != '='):
			return -1
		}
	}
	return -1
}

// unq undoes the Q encoding (RFC 2047 section 4.2).
func (w *word) unq(s string, i, end int) {
	for i < end {
		w.from = append(w.from, i)
		switch {
		case s[i] == '_':
			w.data = append(w.data, ' ')
		case s[i] == '=' && i+2 < end && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			w.data = append(w.data, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		default:
			w.data = append(w.data, s[i])
		}
		i++
	}
	w.from = append(w.from, end)
}

// maxWord is the length of an encoded word (RFC 2047 section 2).
const maxWord = 75

// encodeWords writes a text as encoded words in UTF-8, none longer than maxWord, with sep between them.
func encodeWords(text string, letter byte, sep string) string {
	var out, chunk strings.Builder
	begin, encode := "=?utf-8?"+string(letter)+"?", encodeQ
	if letter == 'B' || letter == 'b' {
		encode = encodeB
	}
	flush := func() {
		if out.Len() > 0 {
			out.WriteString(sep)
		}
		out.WriteString(begin + encode(chunk.String()) + "?=")
		chunk.Reset()
	}
	room := maxWord - len(begin) - len("?=")
	for _, r := range text {
		if len(encode(chunk.String()+string(r))) > room {
			flush()
		}
		chunk.WriteRune(r)
	}
	if chunk.Len() > 0 {
		flush()
	}
	return out.String()
}

func encodeQ(s string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == ' ':
			out.WriteByte('_')
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("!*+-/", c) >= 0:
			out.WriteByte(c)
		default:
			out.Write([]byte{'=', hex[c>>4], hex[c&15]})
		}
	}
	return out.String()
}

func encodeB(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
