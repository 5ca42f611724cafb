package policy

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestParseLabels(t *testing.T) {
	t.Parallel()
	const a, b = labelID, "1d3333dd-c70c-4072-8fb2-5cc19dd07ce9"
	for _, tt := range []struct {
		reason string
		header []Field
		want   []Label
	}{
		{"none", []Field{{"Subject", "MSIP_Label_" + a + "_Enabled=true"}}, nil},
		{"as Outlook writes it", []Field{{"msip_labels", "MSIP_Label_" + a + "_Enabled=true; MSIP_Label_" + a + "_SetDate=2026-01-01T12:00:00Z; MSIP_Label_" + a +
			"_Method=Privileged; MSIP_Label_" + a + "_Name=Hemlig; MSIP_Label_" + a + "_SiteId=" + tenantID + "; MSIP_Label_" + a + "_ActionId=" + b +
			"; MSIP_Label_" + a + "_ContentBits=9;"}}, []Label{{a, tenantID, 9}}},
		{"another case and order, no blanks", []Field{{"MSIP_Labels", "msip_label_" + strings.ToUpper(a) + "_contentbits=8;MSIP_LABEL_" + a + "_SITEID=" + strings.ToUpper(tenantID)}},
			[]Label{{a, tenantID, 8}}},
		{"two labels", []Field{{"msip_labels", "MSIP_Label_" + a + "_SiteId=" + tenantID + "; MSIP_Label_" + b + "_ContentBits=2"}}, []Label{{a, tenantID, 0}, {b, "", 2}}},
		{"a field for each property", []Field{{"msip_label_" + a + "_enabled", "True"}, {"MSIP_Label_" + a + "_SiteId", tenantID}}, []Label{{a, tenantID, 0}}},
		{"not enabled", []Field{{"msip_labels", "MSIP_Label_" + a + "_SiteId=" + tenantID + "; MSIP_Label_" + a + "_Enabled=False"}}, nil},
		{"no GUID", []Field{{"msip_labels", "MSIP_Label_hemlig_Enabled=true; MSIP_Label__Enabled=true; MSIP_Label_"}}, nil},
		{"bits that are no number", []Field{{"msip_labels", "MSIP_Label_" + a + "_ContentBits=x"}}, []Label{{GUID: a}}},
		{"bits twice: none is overlooked", []Field{{"msip_labels", "MSIP_Label_" + a + "_ContentBits=8;MSIP_Label_" + a + "_ContentBits=0"}}, []Label{{GUID: a, ContentBits: 8}}},
		{"enabled and not enabled", []Field{{"msip_labels", "MSIP_Label_" + a + "_Enabled=true; MSIP_Label_" + a + "_Enabled=false"}}, []Label{{GUID: a}}},
		{"two tenants", []Field{{"msip_labels", "MSIP_Label_" + a + "_SiteId=" + tenantID + "; MSIP_Label_" + a + "_SiteId=" + b + "; MSIP_Label_" + a + "_ContentBits=8"}},
			[]Label{{a, tenantID, 8}, {a, b, 8}}},
	} {
		if got := ParseLabels(tt.header); len(got)+len(tt.want) > 0 && !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", tt.reason, got, tt.want)
		}
	}
}

// TestLastOfManyLabels: a label counts however many others there are; the header has a limit.
func TestLastOfManyLabels(t *testing.T) {
	t.Parallel()
	var fields []Field
	for i := range 5000 {
		fields = append(fields, Field{"msip_labels", fmt.Sprintf("MSIP_Label_%08x-c70c-4072-8fb2-5cc19dd07ce9_Enabled=true", i)})
	}
	f := Facts{
		Labels: ParseLabels(append(fields, Field{"msip_labels", "MSIP_Label_" + labelID + "_SiteId=" + tenantID})),
		Sender: Recipient{Address: MustAddress("anna@kommun.example"), Kind: Colleague}, Recipients: []Recipient{{Address: MustAddress("a@ut.example"), Kind: Known}},
	}
	d := Decide(f, Rules{List: []Rule{{Name: "label", Action: ActionSeal, When: []Condition{HasLabel{GUID: labelID, Site: tenantID}}}}})
	if len(f.Labels) != 5001 || d.Route != Seal {
		t.Errorf("%d labels, %s", len(f.Labels), d.Route)
	}
}

func FuzzParseLabels(f *testing.F) {
	f.Add("msip_labels", "MSIP_Label_"+labelID+"_Enabled=true; MSIP_Label_"+labelID+"_ContentBits=8")
	f.Add("msip_label_"+labelID+"_siteid", tenantID)
	f.Fuzz(func(t *testing.T, name, value string) {
		for _, l := range ParseLabels([]Field{{name, value}, {"msip_labels", value}}) {
			if !isGUID(l.GUID) {
				t.Fatalf("%q %q: %+v", name, value, l)
			}
		}
	})
}
