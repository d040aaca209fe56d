{{/*
Headless where clients are our own: `dns:///` then yields every pod and round robin spreads the
calls, where a virtual address would pin each long HTTP/2 connection to one pod.
*/}}
{{- define "labelmill.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "labelmill.metadata" . | nindent 2 }}
spec:
  type: ClusterIP
  {{- if has "grpc" .service.ports }}
  clusterIP: None
  {{- end }}
  selector:
    {{- include "labelmill.selector" . | nindent 4 }}
  ports:
    {{- range $port := append .service.ports "metrics" }}
    - name: {{ $port }}
      port: {{ include "labelmill.port" $port }}
      targetPort: {{ $port }}
      appProtocol: {{ ternary "kubernetes.io/h2c" "http" (has $port (list "grpc" "platform")) }}
    {{- end }}
{{- end -}}

{{/* Calls come from those that list this service in `calls`; ways out follow calls and needs. */}}
{{- define "labelmill.networkpolicy" -}}
{{- $here := . -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "labelmill.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "labelmill.selector" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  ingress:
    {{- include "labelmill.ingress-rules" . | nindent 4 }}
  egress:
    {{- include "labelmill.egress-rules" . | nindent 4 }}
{{- end -}}

{{- define "labelmill.ingress-rules" -}}
{{- $here := . -}}
- ports:
    - port: metrics
  {{- with .root.Values.networkPolicy.metricsFrom }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- range $port := without .service.ports "grpc" }}
- ports:
    - port: {{ $port }}
  {{- with $here.root.Values.networkPolicy.gatewayFrom }}
  from:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- range $caller, $service := .root.Values.services }}
{{- if has $here.name $service.calls }}
- ports:
    - port: grpc
  from:
    - podSelector:
        matchLabels:
          {{- include "labelmill.selector" (merge (dict "name" $caller) $here) | nindent 10 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "labelmill.egress-rules" -}}
{{- $here := . -}}
{{- $ways := .root.Values.networkPolicy.egress -}}
- ports:
    - {port: 53, protocol: UDP}
    - {port: 53, protocol: TCP}
  {{- with .root.Values.networkPolicy.dnsTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- range $callee := .service.calls }}
- to:
    - podSelector:
        matchLabels:
          {{- include "labelmill.selector" (merge (dict "name" $callee) $here) | nindent 10 }}
  ports:
    - port: {{ include "labelmill.port" "grpc" }}
{{- end }}
{{- $needs := .service.needs }}
{{- if .root.Values.telemetry.otlpEndpoint }}
{{- $needs = append $needs "telemetry" }}
{{- end }}
{{- range $need := $needs }}
{{- with get $ways $need }}
- ports:
    {{- range .ports }}
    - port: {{ . }}
    {{- end }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}
{{- if has "web" $needs }}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.168.0.0/16]
    - ipBlock:
        cidr: ::/0
        except: ["::1/128", "fc00::/7", "fe80::/10"]
  ports:
    - port: 443
{{- end }}
{{- end -}}
