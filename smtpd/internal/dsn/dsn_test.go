package dsn

import (
	"errors"
	"strings"
	"testing"
)

func bounce(kind, part, report string) string {
	return strings.ReplaceAll("From: MAILER-DAEMON@mx.example\nSubject: Undelivered\nContent-Type: "+kind+"\n\npreamble\n--b\n"+
		"Content-Type: text/plain\n\nSorry, Kim <kim@ut.example> is not here.\n--b\n"+part+"\n\n"+report+"\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\n--b--\n", "\n", "\r\n")
}

const (
	standard = `multipart/report; report-type=delivery-status; boundary="b"`
	status3  = "Content-Type: message/delivery-status"
	mta      = "Reporting-MTA: dns; mx.example\nArrival-Date: Wed, 25 Nov 2026 10:00:00 +0100\n\n"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for why, row := range map[string]struct {
		mail string
		want Report
		err  error
	}{
		"failed":                       {bounce(standard, status3, mta+"Final-Recipient: rfc822; kim@ut.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 no\n"), Report{true, "5.1.1"}, nil},
		"Action in capitals, comment":  {bounce(standard, status3, mta+"Action: Failed\nStatus: 5.2.2 (full)\n"), Report{true, "5.2.2"}, nil},
		"still trying":                 {bounce(standard, status3, mta+"Action: delayed\nStatus: 4.4.1\n"), Report{false, "4.4.1"}, nil},
		"delivered":                    {bounce(standard, status3, mta+"Action: delivered\nStatus: 2.0.0\n"), Report{false, "2.0.0"}, nil},
		"no Action":                    {bounce(standard, status3, mta+"Status: 5.0.0\n"), Report{true, "5.0.0"}, nil},
		"one of two failed":            {bounce(standard, status3, mta+"Action: delivered\nStatus: 2.0.0\n\nAction: failed\nStatus: 5.1.1\n"), Report{true, "5.1.1"}, nil},
		"a status that is none":        {bounce(standard, status3, mta+"Action: failed\nStatus: kim@ut.example\n"), Report{true, ""}, nil},
		"base64":                       {bounce(standard, status3+"\nContent-Transfer-Encoding: base64", "UmVwb3J0aW5nLU1UQTogZG5zOyBhCgpBY3Rpb246IGZhaWxlZApTdGF0dXM6IDUuMS4xCgo="), Report{true, "5.1.1"}, nil},
		"beyond ASCII":                 {bounce(standard, "Content-Type: message/global-delivery-status", mta+"Action: failed\nStatus: 5.1.1\n"), Report{true, "5.1.1"}, nil},
		"an automatic answer":          {"From: kim@ut.example\r\nAuto-Submitted: auto-replied\r\nContent-Type: text/plain\r\n\r\nI am away.\r\n", Report{}, ErrNoReport},
		"a receipt of reading":         {bounce(`multipart/report; report-type=disposition-notification; boundary="b"`, "Content-Type: message/disposition-notification", "Disposition: x"), Report{}, ErrNoReport},
		"a mixed mail that quotes one": {bounce(`multipart/mixed; boundary="b"`, status3, mta+"Action: failed\n"), Report{}, ErrNoReport},
		"no report in it":              {bounce(standard, "Content-Type: text/plain", "a"), Report{}, ErrNoReport},
		"no boundary":                  {bounce("multipart/report; report-type=delivery-status", status3, mta), Report{}, ErrNoReport},
		"not fields":                   {bounce(standard, status3, mta+"\x00\n"), Report{}, ErrNoReport},
		"nothing":                      {"", Report{}, ErrNoReport},
		"no recipient":                 {bounce(standard, status3, "Reporting-MTA: dns; a\n"), Report{}, ErrNoReport},
	} {
		got, err := Parse(strings.NewReader(row.mail))
		if got != row.want || !errors.Is(err, row.err) {
			t.Errorf("%s: %+v, %v, want %+v, %v", why, got, err, row.want, row.err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(bounce(standard, status3, mta+"Action: failed\nStatus: 5.1.1\n"))
	f.Add(bounce(standard, status3+"\nContent-Transfer-Encoding: base64", "UmVw"))
	f.Fuzz(func(t *testing.T, mail string) {
		r, err := Parse(strings.NewReader(mail))
		if err != nil && r != (Report{}) || len(r.Code) > 9 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}
