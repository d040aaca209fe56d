{{/*
Every template below takes the context {root, name, service}: the release's scope, the name of
one service as a machine reads it (task-dispatch), and its entry in `services`.
*/}}

{{/* Name of a service's objects. 46 + "-" + the longest service name stays within DNS's 63. */}}
{{- define "labelmill.fullname" -}}
{{- $base := .root.Values.fullnameOverride | default .root.Release.Name | trunc 46 | trimSuffix "-" -}}
{{- printf "%s-%s" $base .name -}}
{{- end -}}

{{- define "labelmill.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "labelmill.labels" -}}
{{ include "labelmill.selector" . }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "labelmill.metadata" -}}
name: {{ include "labelmill.fullname" . }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "labelmill.labels" . | nindent 2 }}
{{- end -}}

{{- define "labelmill.image" -}}
{{- $image := .root.Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Number of a port by its name. */}}
{{- define "labelmill.port" -}}
{{- get (dict "grpc" 50051 "http" 8080 "platform" 8081 "metrics" 9090) . -}}
{{- end -}}

{{- define "labelmill.serviceaccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "labelmill.metadata" . | nindent 2 }}
  {{- with .service.serviceAccountAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}
