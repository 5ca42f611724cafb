package vault

import (
	"sync"

	"github.com/ugorji/go/codec"
)

// Records are CBOR (RFC 8949): maps whose keys are field numbers as text, times as RFC 3339 text (tag 0).

var cbor = func() *codec.CborHandle {
	h := new(codec.CborHandle)
	h.TimeRFC3339 = true
	h.Canonical = true
	return h
}()

var encoders = sync.Pool{New: func() any { return codec.NewEncoderBytes(nil, cbor) }}

var decoders = sync.Pool{New: func() any { return codec.NewDecoderBytes(nil, cbor) }}

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
	d := decoders.Get().(*codec.Decoder)
	defer decoders.Put(d)
	d.ResetBytes(b)
	return d.Decode(rec)
}
