{{- define "labelmill.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "labelmill.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "labelmill.selector" . | nindent 6 }}
{{- end -}}

{{- define "labelmill.target" -}}
apiVersion: apps/v1
kind: Deployment
name: {{ include "labelmill.fullname" . }}
{{- end -}}

{{/* Slow on the way down: a consumer group that breathes spends its time rebalancing. */}}
{{- define "labelmill.behavior" -}}
scaleDown:
  stabilizationWindowSeconds: {{ .root.Values.autoscaling.scaleDownSeconds }}
  policies:
    - type: Pods
      value: 1
      periodSeconds: 60
{{- end -}}

{{- define "labelmill.hpa" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "labelmill.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    {{- include "labelmill.target" . | nindent 4 }}
  minReplicas: {{ .service.autoscaling.minReplicas }}
  maxReplicas: {{ .service.autoscaling.maxReplicas }}
  behavior:
    {{- include "labelmill.behavior" . | nindent 4 }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .service.autoscaling.cpuPercent }}
{{- end -}}

{{/* A consumer group has its service's name as Python reads it. */}}
{{- define "labelmill.scaledobject" -}}
{{- $scaling := .service.autoscaling -}}
{{- $group := replace "-" "_" .name -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "labelmill.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    {{- include "labelmill.target" . | nindent 4 }}
  minReplicaCount: {{ $scaling.minReplicas }}
  maxReplicaCount: {{ $scaling.maxReplicas }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- include "labelmill.behavior" . | nindent 8 }}
  triggers:
    - type: cpu
      metricType: Utilization
      metadata:
        value: {{ $scaling.cpuPercent | quote }}
    {{- if $scaling.lag }}
    {{- include "labelmill.lag-triggers" (merge (dict "group" $group) .) | trim | nindent 4 }}
    {{- end }}
    {{- with .root.Values.autoscaling.prometheus.serverAddress }}
    {{- if $scaling.ageSeconds }}
    - type: prometheus
      metricType: Value
      metadata:
        serverAddress: {{ . | quote }}
        {{- /* Every replica tells the age of the whole group. */}}
        {{- $labels := printf "service=%q,namespace=%q" $group $.root.Release.Namespace }}
        query: {{ printf "max(labelmill_unhandled_age_seconds{%s})" $labels | quote }}
        threshold: {{ $scaling.ageSeconds | quote }}
    {{- end }}
    {{- end }}
{{- end -}}

{{/* Without topics KEDA counts the lag of the whole group. */}}
{{- define "labelmill.lag-triggers" -}}
{{- $here := . -}}
{{- $kafka := .root.Values.autoscaling.kafka -}}
{{- range $topic := .service.autoscaling.topics | default (list "") }}
- type: kafka
  metadata:
    bootstrapServers: {{ $kafka.bootstrapServers | quote }}
    consumerGroup: {{ $here.group }}
    {{- with $topic }}
    topic: {{ . }}
    limitToPartitionsWithLag: "true"
    {{- end }}
    lagThreshold: {{ $here.service.autoscaling.lag | quote }}
    offsetResetPolicy: earliest
  {{- with $kafka.authentication }}
  authenticationRef:
    name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end -}}
