package web

import (
	"time"

	"github.com/ugorji/go/codec"
)

// sessionCodec writes what a session holds as CBOR. It is read at every request, for which gob, the session library's own,
// would work out anew each time how to read it.
type sessionCodec struct{}

// keptSession is a session as it is written. Its values are strings, octets and int64.
type keptSession struct {
	Deadline int64 // in nanoseconds since 1970
	Values   map[string]any
}

// sessionForm is never changed after it is made.
var sessionForm = newSessionForm()

func newSessionForm() *codec.CborHandle {
	h := new(codec.CborHandle)
	h.SignedInteger = true // or a whole number would come back as another type than it went in
	return h
}

// Encode implements scs.Codec.
func (sessionCodec) Encode(deadline time.Time, values map[string]any) (b []byte, err error) {
	err = codec.NewEncoderBytes(&b, sessionForm).Encode(keptSession{deadline.UnixNano(), values})
	return b, err
}

// Decode implements scs.Codec.
func (sessionCodec) Decode(b []byte) (time.Time, map[string]any, error) {
	var s keptSession
	err := codec.NewDecoderBytes(b, sessionForm).Decode(&s)
	if s.Values == nil {
		s.Values = map[string]any{} // more is put into it
	}
	return time.Unix(0, s.Deadline), s.Values, err
}
