package vault

import (
	"bytes"
	"testing"
)

// TestDecodedRecordsStandAlone: records are opened into room that the next one takes, so nothing decoded may point there.
func TestDecodedRecordsStandAlone(t *testing.T) {
	t.Parallel()
	link, rule := bytes.Repeat([]byte("link"), 8), "a rule of some length"
	checkpoint, err1 := encode(&checkpointRecord{Link: link, Signature: link})
	mail, err2 := encode(&messageRecord{Rule: rule, Person: "199908072391"})
	var c checkpointRecord
	var m messageRecord
	if err1 != nil || err2 != nil || decode(checkpoint, &c) != nil || decode(mail, &m) != nil {
		t.Fatal("a record does not come back")
	}
	clear(checkpoint)
	clear(mail)
	if !bytes.Equal(c.Link, link) || !bytes.Equal(c.Signature, link) || m.Rule != rule || m.Person != "199908072391" {
		t.Errorf("changed with the octets it was decoded from: %v, %v", c, m.Rule)
	}
}
