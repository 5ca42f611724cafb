package message

// base64Value maps an octet to its six bits (RFC 2045 section 6.8), base64Pad for "=" and base64Junk for all else.
var base64Value = func() (t [256]byte) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range t {
		t[i] = base64Junk
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	t['='] = base64Pad
	return t
}()

const (
	base64Pad  = 0x40
	base64Junk = 0x80
)

// base64Weight counts characters: 1 for the alphabet, a large number for "=".
var base64Weight = func() (t [256]uint32) {
	for i, v := range base64Value {
		switch {
		case v < 64:
			t[i] = 1
		case v == base64Pad:
			t[i] = base64PadWeight
		}
	}
	return t
}()

const base64PadWeight = 1 << 16

// unbase64 decodes base64 and keeps what can be kept: characters outside the alphabet are skipped, as RFC 2045 section
// 6.8 wants, missing padding is no loss, and what follows padding is decoded too, since some systems join encoded texts.
type unbase64 struct {
	bits uint32
	n    int // characters held, 0 to 3
}

// decode appends what src decodes to.
func (d *unbase64) decode(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		if d.n == 0 && i+4 <= len(src) {
			a, b, c, e := base64Value[src[i]], base64Value[src[i+1]], base64Value[src[i+2]], base64Value[src[i+3]]
			if a|b|c|e < 64 {
				dst = append(dst, a<<2|b>>4, b<<4|c>>2, c<<6|e)
				i += 4
				continue
			}
		}
		v := base64Value[src[i]]
		i++
		switch {
		case v == base64Pad:
			dst = d.end(dst)
		case v < 64:
			d.bits, d.n = d.bits<<6|uint32(v), d.n+1
			if d.n == 4 {
				dst = append(dst, byte(d.bits>>16), byte(d.bits>>8), byte(d.bits))
				d.n = 0
			}
		}
	}
	return dst
}

// end appends what an incomplete group holds: at padding, or when no more comes.
func (d *unbase64) end(dst []byte) []byte {
	switch d.n {
	case 2:
		dst = append(dst, byte(d.bits>>4))
	case 3:
		dst = append(dst, byte(d.bits>>10), byte(d.bits>>2))
	}
	d.n = 0
	return dst
}

// base64Count counts the octets that unbase64 would give, at memory speed.
type base64Count struct {
	chars int64 // of the alphabet since the last padding
	total int64 // octets before it
}

func (d *base64Count) count(src []byte) {
	for len(src) > 0 {
		n := min(len(src), base64PadWeight-1)
		d.chunk(src[:n])
		src = src[n:]
	}
}

func (d *base64Count) chunk(src []byte) {
	var a, b uint32
	i := 0
	for ; i+8 <= len(src); i += 8 {
		s := src[i : i+8 : i+8]
		a += base64Weight[s[0]] + base64Weight[s[1]] + base64Weight[s[2]] + base64Weight[s[3]]
		b += base64Weight[s[4]] + base64Weight[s[5]] + base64Weight[s[6]] + base64Weight[s[7]]
	}
	for ; i < len(src); i++ {
		a += base64Weight[src[i]]
	}
	// The sum cannot go round: it would take 65536 paddings, one more than a chunk holds.
	if a+b < base64PadWeight {
		d.chars += int64(a + b)
		return
	}
	for _, c := range src {
		switch base64Weight[c] {
		case 1:
			d.chars++
		case base64PadWeight:
			d.total, d.chars = d.size(), 0
		}
	}
}

// size is the octets so far, were this the end.
func (d *base64Count) size() int64 { return d.total + d.chars/4*3 + [4]int64{0, 0, 1, 2}[d.chars%4] }
