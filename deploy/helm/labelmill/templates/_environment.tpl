{{/* The address block a service uses for one need: its own store, else the shared one. */}}
{{- define "labelmill.address" -}}
{{- $address := get .root.Values.addresses .need -}}
{{- if and (eq .need "store") .service.store -}}
{{- $address = .service.store -}}
{{- end -}}
{{- toYaml $address -}}
{{- end -}}

{{/* What a service may know openly; nothing that it does not need. */}}
{{- define "labelmill.settings" -}}
{{- $here := . -}}
{{- range $need := list "bus" "store" "inference" "blob" }}
{{- if has $need $here.service.needs }}
{{- $address := include "labelmill.address" (merge (dict "need" $need) $here) | fromYaml }}
{{- if not $address.existingSecret }}
{{ upper $need }}_URL: {{ $address.value | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- range $callee := .service.calls }}
RPC_{{ $callee | upper | replace "-" "_" }}: {{ printf "dns:///%s.%s:%s" (include "labelmill.fullname" (merge (dict "name" $callee) $here)) $here.root.Release.Namespace (include "labelmill.port" "grpc") | quote }}
{{- end }}
{{- range $port := append .service.ports "metrics" }}
{{ upper $port }}_LISTEN: {{ printf "0.0.0.0:%s" (include "labelmill.port" $port) | quote }}
{{- end }}
{{- with .root.Values.telemetry.otlpEndpoint }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ . | quote }}
{{- end }}
LOG_LEVEL: {{ .root.Values.logLevel | quote }}
SHUTDOWN_SECONDS: {{ .root.Values.shutdown.seconds | quote }}
{{- if has "models" .service.needs }}
LABELMILL_MODELS: /models
{{- end }}
DATA_DIR: /tmp/labelmill
HOME: /tmp
{{- end -}}

{{/* One variable out of a secret: {variable, source, name}. */}}
{{- define "labelmill.secret" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      name: {{ .source.existingSecret | replace "{service}" .name | quote }}
      key: {{ .source.key | replace "{service}" .name | quote }}
{{- end -}}

{{- define "labelmill.env" -}}
{{- $here := . -}}
{{- $secrets := .root.Values.secrets -}}
{{ include "labelmill.secret" (dict "variable" "SERVICE_TOKEN_KEY" "source" $secrets.serviceToken "name" .name) }}
{{- range $need := list "bus" "store" "inference" "blob" }}
{{- if has $need $here.service.needs }}
{{- $address := include "labelmill.address" (merge (dict "need" $need) $here) | fromYaml }}
{{- if $address.existingSecret }}
{{ include "labelmill.secret" (dict "variable" (printf "%s_URL" (upper $need)) "source" $address "name" $here.name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if has "signing" .service.needs }}
{{ include "labelmill.secret" (dict "variable" "DELIVERY_SIGNING_KEY" "source" $secrets.deliverySigning "name" .name) }}
{{- end }}
{{- if has "operator" .service.needs }}
{{ include "labelmill.secret" (dict "variable" "OPERATOR_KEY" "source" $secrets.operator "name" .name) }}
{{- end }}
{{- if has "secrets" .service.needs }}
{{ include "labelmill.secret" (dict "variable" "SECRETS_KEY" "source" $secrets.secretsKey "name" .name) }}
{{- end }}
{{- with .service.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
