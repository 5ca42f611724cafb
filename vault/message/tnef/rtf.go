package tnef

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

var errRTF = errors.New("tnef: bad compressed RTF")

// dictionary is what the window of the compression begins with, [MS-OXRTFCP] section 2.1.3.1.
const dictionary = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` +
	"\r\n" + `\par \pard\plain\f0\fs20\b\i\u\tab\tx`

const (
	compressed   = 0x75465a4c // "LZFu"
	uncompressed = 0x414c454d // "MELA"
	window       = 4096
)

// decompress undoes the compression of RTF, [MS-OXRTFCP], to at most limit octets.
func decompress(b []byte, limit int) ([]byte, error) {
	if len(b) < 16 {
		return nil, errRTF
	}
	size, kind, sum := binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	b = b[16:]
	if uint64(size) > uint64(limit) {
		return nil, errRTF
	}
	switch kind {
	case uncompressed:
		return b[:min(len(b), int(size))], nil
	case compressed:
		if checksum(b) != sum {
			return nil, errRTF
		}
		return inflate(b, int(size))
	}
	return nil, errRTF
}

// checksum is that of CRC-32 without its inversions at both ends.
func checksum(b []byte) uint32 {
	sum := uint32(0)
	for _, c := range b {
		sum = crc32.IEEETable[byte(sum)^c] ^ sum>>8
	}
	return sum
}

// inflate reads runs of eight tokens, each run after an octet that tells literals from references into the window.
func inflate(b []byte, size int) ([]byte, error) {
	var ring [window]byte
	at := copy(ring[:], dictionary)
	var out []byte
	put := func(c byte) {
		ring[at] = c
		at = (at + 1) % window
		out = append(out, c)
	}
	for len(b) > 0 {
		control := b[0]
		b = b[1:]
		for bit := range 8 {
			if len(b) == 0 || len(out) > size {
				return nil, errRTF
			}
			if control>>bit&1 == 0 {
				put(b[0])
				b = b[1:]
				continue
			}
			if len(b) < 2 {
				return nil, errRTF
			}
			reference := binary.BigEndian.Uint16(b)
			b = b[2:]
			from, n := int(reference>>4), int(reference&15)+2
			if from == at {
				return out, nil // a reference to the place of writing is the end
			}
			for range n {
				put(ring[from])
				from = (from + 1) % window
			}
		}
	}
	return nil, errRTF
}
