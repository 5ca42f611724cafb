package cbor

import "encoding/binary"

// What a Reader reads is written by appending to a record, which is canonical if its fields come in the order of their keys
// (RFC 8949 section 4.2.1): a map's head, then for each field its key and its value.

// AppendMap begins a map of n fields, at most 23.
func AppendMap(b []byte, n int) []byte { return appendHead(b, pairs, uint64(n)) }

// AppendField appends the key of a field, 1 to 9.
func AppendField(b []byte, number int) []byte { return append(b, text<<5|1, '0'+byte(number)) }

// AppendList begins a list of n items.
func AppendList(b []byte, n int) []byte { return appendHead(b, list, uint64(n)) }

// AppendText appends text.
func AppendText(b []byte, s string) []byte { return append(appendHead(b, text, uint64(len(s))), s...) }

// AppendOctets appends octets.
func AppendOctets(b, s []byte) []byte { return append(appendHead(b, octets, uint64(len(s))), s...) }

// AppendInt appends an integer.
func AppendInt(b []byte, n int64) []byte {
	if n < 0 {
		return appendHead(b, negative, uint64(-1-n))
	}
	return appendHead(b, unsigned, uint64(n))
}

// appendHead appends an item's major type and its argument, as short as it can be (RFC 8949 section 3).
func appendHead(b []byte, major byte, n uint64) []byte {
	major <<= 5
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}
