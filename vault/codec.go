package vault

import (
	"sync"

	"github.com/ugorji/go/codec"

	"sigill/vault/message"
)

// Records are CBOR (RFC 8949): maps whose keys are field numbers as text, times as RFC 3339 text (tag 0).

var copying, inPlace = handle(false), handle(true)

func handle(inPlace bool) *codec.CborHandle {
	h := new(codec.CborHandle)
	h.TimeRFC3339 = true
	h.Canonical = true
	h.ZeroCopy = inPlace
	return h
}

var encoders = sync.Pool{New: func() any { return codec.NewEncoderBytes(nil, copying) }}

var decoders = sync.Pool{New: func() any { return codec.NewDecoderBytes(nil, copying) }}

var decodersInPlace = sync.Pool{New: func() any { return codec.NewDecoderBytes(nil, inPlace) }}

func encode(rec any) ([]byte, error) { return encodeInto(new([]byte), rec) }

// encodeInto writes a record into room, which grows as it must, and gives what it holds then.
func encodeInto(room *[]byte, rec any) ([]byte, error) {
	e := encoders.Get().(*codec.Encoder)
	defer encoders.Put(e)
	e.ResetBytes(room)
	err := e.Encode(rec)
	return *room, err
}

func decode(b []byte, rec any) error {
	if e, ok := rec.(*entryRecord); ok && decodeEntry(b, e) {
		return nil
	}
	return decodeBy(&decoders, b, rec)
}

// decodeInPlace gives an index whose texts lie in b, which must stay as it is. It may be one that was read before.
func decodeInPlace(b []byte, ix *message.Index) error {
	if decodeIndex(b, ix) {
		return nil
	}
	return decodeBy(&decodersInPlace, b, ix)
}

func decodeBy(pool *sync.Pool, b []byte, rec any) error {
	d := pool.Get().(*codec.Decoder)
	defer pool.Put(d)
	d.ResetBytes(b)
	return d.Decode(rec)
}
