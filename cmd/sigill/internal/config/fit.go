package config

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"sigill/policy"
)

// fitter puts a parsed file into structs. The library does that too, but ends at the first value of a wrong type and takes
// keys in any case; here every fault is told, with its place in lists.
type fitter struct {
	faults faults
	dir    string // of the file: relative paths begin there
}

func fit(f faults, into *Config, tree map[string]any, dir string) {
	w := fitter{f, dir}
	w.table("", reflect.ValueOf(into).Elem(), tree)
}

// at names a key below a path.
func at(path, key string) string { return strings.TrimPrefix(path+"."+key, ".") }

// table fits the keys of a table to the fields of a struct.
func (w fitter) table(path string, into reflect.Value, tree map[string]any) {
	known := keys(into)
	names := slices.Sorted(maps.Keys(known))
	for key, value := range tree {
		field, ok := known[key]
		if !ok {
			w.faults.need(at(path, key), false, "there is no such key; known here: %s", strings.Join(names, ", "))
			continue
		}
		w.value(at(path, key), field, value)
	}
}

// keys are the fields of a struct by their keys, those of embedded structs too.
func keys(into reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for i := range into.NumField() {
		field := into.Type().Field(i)
		if field.Anonymous {
			maps.Copy(out, keys(into.Field(i)))
		} else if name := field.Tag.Get("toml"); name != "" {
			out[name] = into.Field(i)
		}
	}
	return out
}

func (w fitter) value(path string, into reflect.Value, value any) {
	if text, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		w.text(path, text, value)
		return
	}
	var ok bool
	switch target := into.Addr().Interface().(type) {
	case *File:
		var s string
		s, ok = value.(string)
		*target = fileAt(w.dir, s)
	case *time.Duration:
		s, _ := value.(string)
		d, err := time.ParseDuration(s)
		*target, ok = d, err == nil && d >= 0
	default:
		ok = w.plain(path, into, value)
	}
	w.faults.need(path, ok, "must be %s, not %s", kindOf(into.Type()), describe(value))
}

// plain fits what has no type of its own.
func (w fitter) plain(path string, into reflect.Value, value any) (ok bool) {
	switch into.Kind() {
	case reflect.String:
		var s string
		s, ok = value.(string)
		into.SetString(s)
	case reflect.Int, reflect.Int64:
		var n int64
		n, ok = value.(int64)
		into.SetInt(n)
	case reflect.Bool:
		var b bool
		b, ok = value.(bool)
		into.SetBool(b)
	case reflect.Struct:
		var tree map[string]any
		if tree, ok = value.(map[string]any); ok {
			w.table(path, into, tree)
		}
	case reflect.Slice:
		return w.list(path, into, value)
	case reflect.Map:
		var tree map[string]any
		if tree, ok = value.(map[string]any); ok {
			w.entries(path, into, tree)
		}
	}
	return ok
}

func (w fitter) list(path string, into reflect.Value, value any) bool {
	list := reflect.ValueOf(value) // []any, or []map[string]any of an array of tables
	if list.Kind() != reflect.Slice {
		return false
	}
	into.Set(reflect.MakeSlice(into.Type(), list.Len(), list.Len()))
	for i := range list.Len() {
		if entry, ok := into.Index(i).Addr().Interface().(interface{ setDefaults() }); ok {
			entry.setDefaults()
		}
		w.value(fmt.Sprintf("%s[%d]", path, i+1), into.Index(i), list.Index(i).Interface())
	}
	return true
}

func (w fitter) entries(path string, into reflect.Value, tree map[string]any) {
	into.Set(reflect.MakeMap(into.Type()))
	for key, value := range tree {
		entry := reflect.New(into.Type().Elem()).Elem()
		w.value(at(path, key), entry, value)
		into.SetMapIndex(reflect.ValueOf(key), entry)
	}
}

func (w fitter) text(path string, into encoding.TextUnmarshaler, value any) {
	s, ok := value.(string)
	w.faults.need(path, ok, "must be a text in quotes, not %s", describe(value))
	if _, address := into.(*policy.Address); !ok || address && s == "" {
		return
	}
	if err := into.UnmarshalText([]byte(s)); err != nil {
		w.faults.need(path, false, "%q: must be %s", s, kindOf(reflect.TypeOf(into).Elem()))
	}
}

// kindOf says in words what a value must be.
func kindOf(t reflect.Type) string {
	switch t.String() {
	case "time.Duration":
		return `a time such as "30s" or "8h"`
	case "config.File":
		return "the path of a file"
	case "config.Size":
		return `a size such as "25MB" or "10GiB"`
	case "netip.Prefix":
		return `a network such as "10.1.0.0/16" or "192.0.2.7/32"`
	case "policy.Address":
		return `a mail address such as "sakert@example.se"`
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "a list in [ ]"
	case reflect.Struct, reflect.Map:
		return "a table"
	}
	return "a text in quotes"
}

// describe says what kind of value stands in the file. It does not repeat the value, which may be a secret in the wrong place.
func describe(value any) string {
	switch value.(type) {
	case string:
		return "this text"
	case int64:
		return "a whole number"
	case float64:
		return "a number with decimals"
	case bool:
		return "true or false"
	case map[string]any:
		return "a table"
	case time.Time:
		return "a date"
	}
	return "a list"
}
