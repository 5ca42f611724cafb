// Package cbor reads the part of CBOR (RFC 8949) that the vault's records are written in, as fast as octets can be looked
// at: definite lengths, maps whose keys are field numbers as text, text, octets, integers, lists, and times as text (tag
// 0). Lists of messages are made of thousands of records, and decoding by reflection takes most of their time.
//
// Whatever else stands there, well-formed or not, makes a [Reader] give up; the caller then leaves the record to a decoder
// that knows all of CBOR.
package cbor

import (
	"time"
	"unsafe"
)

// Major types (RFC 8949 section 3.1).
const (
	unsigned byte = iota
	negative
	octets
	text
	list
	pairs
	tag
	simple
)

const (
	no   = simple<<5 | 20 // and yes after it
	null = simple<<5 | 22
)

// Reader reads a record. After the first thing it cannot read it gives zero values, and OK is false.
type Reader struct {
	record []byte
	at     int // of what comes next
	bad    bool
}

// NewReader reads a record that stays as it is for as long as its texts are used.
func NewReader(record []byte) Reader { return Reader{record: record} }

// OK tells that all of the record has been read.
func (r *Reader) OK() bool { return !r.bad && r.at == len(r.record) }

// Fail makes the reader give up.
func (r *Reader) Fail() { r.at, r.bad = len(r.record), true }

// short reads the head of an item whose argument is in its first octet, as that of most is.
func (r *Reader) short(want byte) (n int, ok bool) {
	if r.at < len(r.record) && r.record[r.at]-want<<5 < 24 {
		n, ok = int(r.record[r.at]-want<<5), true
		r.at++
	}
	return n, ok
}

// head reads an item's major type and its argument (RFC 8949 section 3).
func (r *Reader) head() (major byte, n uint64) {
	rest := r.record[r.at:]
	if len(rest) == 0 {
		r.Fail()
		return simple, 0
	}
	info, size := rest[0]&31, 0
	if info < 24 {
		n = uint64(info)
	} else {
		size = 1 << (info - 24)
	}
	if info > 27 || size >= len(rest) {
		r.Fail()
		return simple, 0
	}
	for _, b := range rest[1:][:size] {
		n = n<<8 | uint64(b)
	}
	r.at += 1 + size
	return rest[0] >> 5, n
}

// count reads the head of something that has n items of at least size octets each.
func (r *Reader) count(want byte, size int) int {
	n, ok := r.short(want)
	if !ok {
		n = r.longCount(want)
	}
	if n*size > len(r.record)-r.at {
		r.Fail()
		return 0
	}
	return n
}

// longCount gives no more than there are octets.
func (r *Reader) longCount(want byte) int {
	major, n := r.head()
	if major != want || n > uint64(len(r.record)-r.at) {
		r.Fail()
		return 0
	}
	return int(n)
}

// Null reads null, if that is what comes.
func (r *Reader) Null() bool {
	if r.at == len(r.record) || r.record[r.at] != null {
		return false
	}
	r.at++
	return true
}

// Bool reads true or false.
func (r *Reader) Bool() bool {
	if r.at == len(r.record) || r.record[r.at]&^1 != no {
		r.Fail()
		return false
	}
	r.at++
	return r.record[r.at-1] != no
}

// Map gives how many fields follow, each a Field and its value.
func (r *Reader) Map() int { return r.count(pairs, 2) }

// List gives how many items follow.
func (r *Reader) List() int { return r.count(list, 1) }

// Field gives a field's number, 0 for what is no number from 1 to 99.
func (r *Reader) Field() int {
	if rest := r.record[r.at:]; len(rest) > 1 && rest[0] == text<<5|1 && '1' <= rest[1] && rest[1] <= '9' {
		r.at += 2 // as most are
		return int(rest[1] - '0')
	}
	key := r.string(text)
	if len(key) == 2 && '1' <= key[0] && key[0] <= '9' && '0' <= key[1] && key[1] <= '9' {
		return int(key[0]-'0')*10 + int(key[1]-'0')
	}
	return 0
}

// Text lies in the record.
func (r *Reader) Text() string {
	b := r.string(text)
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Octets lie in the record.
func (r *Reader) Octets() []byte { return r.string(octets) }

func (r *Reader) string(want byte) []byte {
	n := r.count(want, 1)
	b := r.record[r.at:][:n:n]
	r.at += n
	return b
}

// Int reads an integer.
func (r *Reader) Int() int64 {
	if n, ok := r.short(unsigned); ok {
		return int64(n)
	}
	major, n := r.head()
	if major > negative || int64(n) < 0 {
		r.Fail()
		return 0
	}
	if major == negative {
		return -1 - int64(n)
	}
	return int64(n)
}

// Time reads a time, or null for the zero one.
func (r *Reader) Time() time.Time {
	if r.Null() {
		return time.Time{}
	}
	if major, n := r.head(); major != tag || n != 0 {
		r.Fail()
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, r.Text())
	if err != nil {
		r.Fail()
	}
	return t.UTC().Round(time.Microsecond) // as the encoder's own decoder has it
}
