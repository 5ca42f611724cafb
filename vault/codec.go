package vault

import (
	"sync"

	"github.com/ugorji/go/codec"
)

// Records are CBOR (RFC 8949): maps whose keys are field numbers as text, times as RFC 3339 text (tag 0).

var cbor, cborInPlace = handle(false), handle(true)

func handle(inPlace bool) *codec.CborHandle {
	h := new(codec.CborHandle)
	h.TimeRFC3339 = true
	h.Canonical = true
	h.ZeroCopy = inPlace
	return h
}

var encoders = sync.Pool{New: func() any { return codec.NewEncoderBytes(nil, cbor) }}

var decoders = sync.Pool{New: func() any { return codec.NewDecoderBytes(nil, cbor) }}

var decodersInPlace = sync.Pool{New: func() any { return codec.NewDecoderBytes(nil, cborInPlace) }}

func encode(rec any) ([]byte, error) { return encodeInto(new([]byte), rec) }

// encodeInto writes a record into room, which grows as it must, and gives what it holds then.
func encodeInto(room *[]byte, rec any) ([]byte, error) {
	e := encoders.Get().(*codec.Encoder)
	defer encoders.Put(e)
	e.ResetBytes(room)
	err := e.Encode(rec)
	return *room, err
}

func decode(b []byte, rec any) error { return decodeBy(&decoders, b, rec) }

// decodeInPlace gives a record whose texts lie in b, which must stay as it is. Lists of messages take half the time so.
func decodeInPlace(b []byte, rec any) error { return decodeBy(&decodersInPlace, b, rec) }

func decodeBy(pool *sync.Pool, b []byte, rec any) error {
	d := pool.Get().(*codec.Decoder)
	defer pool.Put(d)
	d.ResetBytes(b)
	return d.Decode(rec)
}
