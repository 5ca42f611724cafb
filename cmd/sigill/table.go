package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// table writes rows for people, or each as a line of JSON.
type table struct {
	columns []string
	text    *tabwriter.Writer
	json    *json.Encoder
	err     error
}

func newTable(w io.Writer, asJSON bool, columns ...string) *table {
	if asJSON {
		return &table{columns: columns, json: json.NewEncoder(w)}
	}
	t := &table{columns: columns, text: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	t.row(upper(columns)...)
	return t
}

func upper(all []string) (out []string) {
	for _, s := range all {
		out = append(out, strings.ToUpper(s))
	}
	return out
}

func (t *table) row(cells ...string) {
	if t.json != nil {
		line := map[string]string{}
		for i, c := range t.columns {
			line[c] = cells[i]
		}
		t.err = errors.Join(t.err, t.json.Encode(line))
		return
	}
	for i, c := range cells {
		if c == "" {
			cells[i] = "-"
		}
	}
	_, err := fmt.Fprintln(t.text, strings.Join(cells, "\t"))
	t.err = errors.Join(t.err, err)
}

func (t *table) end() error {
	if t.text != nil {
		return errors.Join(t.err, t.text.Flush())
	}
	return t.err
}

// moment is a time for people and programs; "" if there is none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
