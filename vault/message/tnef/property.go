package tnef

import (
	"bytes"
	"encoding/binary"
	"iter"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Properties, [MS-OXPROPS], by their id.
const (
	propSubject         = 0x0037
	propBody            = 0x1000
	propRTF             = 0x1009
	propHTML            = 0x1013
	propAttachData      = 0x3701
	propAttachName      = 0x3704
	propAttachLongName  = 0x3707
	propAttachType      = 0x370e
	propAttachContentID = 0x3712
)

// Kinds of values, [MS-OXCDATA] section 2.11.1.
const (
	kindObject   = 0x000d
	kindString8  = 0x001e
	kindUnicode  = 0x001f
	kindBinary   = 0x0102
	kindMultiple = 0x1000 // a flag
	firstNamed   = 0x8000 // ids from here have a name
)

// fixed are the octets of values of one size, padded to four.
var fixed = map[uint16]int{
	0x0002: 4, 0x0003: 4, 0x0004: 4, 0x0005: 8, 0x0006: 8, 0x0007: 8, 0x000a: 4, 0x000b: 4, 0x0014: 8, 0x0040: 8, 0x0048: 16,
}

// property is a property with its first value.
type property struct {
	kind, id uint16
	data     []byte
}

func (p property) text() string {
	if p.kind == kindUnicode {
		return text16(p.data)
	}
	return text8(p.data)
}

// all gives the properties of a list, [MS-OXTNEF] section 2.1.3.4, as far as they can be read.
func (d *decoder) all(b []byte) iter.Seq[property] {
	return func(yield func(property) bool) {
		r := reader{b: b}
		for n := r.number(); n > 0 && !r.short; n-- {
			if d.properties--; d.properties < 0 {
				d.defect("too many properties")
				return
			}
			p := r.property()
			if r.short {
				break
			}
			if !yield(p) {
				return
			}
		}
		if r.short {
			d.defect("a list of properties breaks off")
		}
	}
}

// reader reads numbers of four octets and what they count.
type reader struct {
	b     []byte
	short bool // sticky: there was less than was to be read, or something unknown
}

func (r *reader) take(n int) []byte {
	if r.short || n < 0 || n > len(r.b) {
		r.short = true
		return nil
	}
	out := r.b[:n:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) number() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// counted is octets after their number, padded to four.
func (r *reader) counted() []byte {
	n := r.number()
	if uint64(n) > uint64(len(r.b)) {
		r.short = true
		return nil
	}
	out := r.take(int(n))
	r.take(min(int(-n&3), len(r.b)))
	return out
}

func (r *reader) property() (p property) {
	head := r.number()
	p.kind, p.id = uint16(head), uint16(head>>16)
	if p.id >= firstNamed {
		r.take(16)
		if named := r.number(); named == 1 {
			r.counted()
		} else {
			r.number()
		}
	}
	kind, values := p.kind&^kindMultiple, uint32(1)
	size, isFixed := fixed[kind]
	switch {
	case isFixed && p.kind&kindMultiple != 0, kind == kindObject, kind == kindString8, kind == kindUnicode, kind == kindBinary:
		values = r.number()
	case !isFixed:
		r.short = true
	}
	for i := uint32(0); i < values && !r.short; i++ {
		value := r.value(size)
		if i == 0 {
			p.data = value
		}
	}
	p.kind = kind
	return p
}

func (r *reader) value(size int) []byte {
	if size > 0 {
		return r.take(size)
	}
	return r.counted()
}

// text8 reads text of one octet for each character: UTF-8 where it is that, else windows-1252, the code page of western
// Europe.
func text8(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	if utf8.Valid(b) {
		return string(b)
	}
	out, _ := charmap.Windows1252.NewDecoder().Bytes(b) // never fails
	return string(out)
}

func text16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(b[2*i:])
		if units[i] == 0 {
			units = units[:i]
			break
		}
	}
	return string(utf16.Decode(units))
}
