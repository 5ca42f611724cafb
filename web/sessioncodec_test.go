package web

import (
	"reflect"
	"testing"
	"time"
)

// TestSessionCodec: what a session holds comes back as it went in, in its types too, by which it is asked for.
func TestSessionCodec(t *testing.T) {
	t.Parallel()
	deadline := time.Now().Add(time.Hour).Round(0)
	values := map[string]any{keyPerson: "199001019802", keyFull: "Åsa \xff", keyAt: deadline.Unix(), "negative": int64(-1), "zero": int64(0), "empty": "",
		keySecret: []byte{0, 0xff}}
	b, err := sessionCodec{}.Encode(deadline, values)
	if err != nil {
		t.Fatal(err)
	}
	until, got, err := sessionCodec{}.Decode(b)
	if err != nil || !until.Equal(deadline) || !reflect.DeepEqual(got, values) {
		t.Errorf("%v became %v, %v until %v, %v", values, got, deadline, until, err)
	}
	if _, _, err := (sessionCodec{}).Decode(b[:len(b)-1]); err == nil {
		t.Error("half a session is one")
	}
	for _, none := range []map[string]any{{}, nil} {
		b, err := sessionCodec{}.Encode(deadline, none)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, err := (sessionCodec{}).Decode(b); err != nil || got == nil || len(got) != 0 {
			t.Errorf("an empty session is %v, %v", got, err)
		}
	}
}
