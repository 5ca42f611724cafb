package smtpd

import (
	"reflect"
	"testing"
)

// TestLimitsOrDefault: each limit that is left out becomes the default, and each that is set stays.
func TestLimitsOrDefault(t *testing.T) {
	t.Parallel()
	if got := (Limits{}).orDefault(); got != DefaultLimits {
		t.Errorf("left out: %+v", got)
	}
	var set Limits
	for i, v := 0, reflect.ValueOf(&set).Elem(); i < v.NumField(); i++ {
		v.Field(i).SetInt(int64(i + 1))
	}
	if got := set.orDefault(); got != set {
		t.Errorf("set: %+v", got)
	}
}
