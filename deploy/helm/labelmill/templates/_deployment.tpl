{{- define "labelmill.configmap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "labelmill.metadata" . | nindent 2 }}
data:
  {{- include "labelmill.settings" . | nindent 2 }}
{{- end -}}

{{- define "labelmill.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "labelmill.metadata" . | nindent 2 }}
spec:
  {{- if not .service.autoscaling.enabled }}
  replicas: {{ .service.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  selector:
    matchLabels:
      {{- include "labelmill.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "labelmill.selector" . | nindent 8 }}
        app.kubernetes.io/part-of: {{ .root.Chart.Name }}
      annotations:
        checksum/config: {{ include "labelmill.configmap" . | sha256sum }}
        {{- with .service.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "labelmill.pod" . | nindent 6 }}
{{- end -}}

{{- define "labelmill.pod" -}}
serviceAccountName: {{ include "labelmill.fullname" . }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- /* The program gives running calls and its consumers this time one after the other. */}}
terminationGracePeriodSeconds: {{ add .root.Values.shutdown.drainSeconds (mul 2 .root.Values.shutdown.seconds) 5 }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
topologySpreadConstraints:
  {{- range $topology := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $topology }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "labelmill.selector" $ | nindent 8 }}
  {{- end }}
{{- with .service.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .service.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - {{- include "labelmill.container" . | nindent 4 }}
volumes:
  - name: scratch
    emptyDir:
      sizeLimit: {{ .root.Values.scratch.sizeLimit }}
  {{- if has "models" .service.needs }}
  - name: models
    {{- with .root.Values.modelRepository.existingClaim }}
    persistentVolumeClaim:
      claimName: {{ . | quote }}
    {{- else }}
    emptyDir:
      sizeLimit: {{ .root.Values.scratch.sizeLimit }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "labelmill.container" -}}
name: {{ .name }}
image: {{ include "labelmill.image" . | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
command: [python, -m, services]
args: [{{ .name | quote }}]
envFrom:
  - configMapRef:
      name: {{ include "labelmill.fullname" . }}
  {{- if and (has "blob" .service.needs) .root.Values.secrets.blobCredentials.existingSecret }}
  - secretRef:
      name: {{ .root.Values.secrets.blobCredentials.existingSecret | replace "{service}" .name | quote }}
  {{- end }}
env:
  {{- include "labelmill.env" . | nindent 2 }}
ports:
  {{- range $port := append .service.ports "metrics" }}
  - name: {{ $port }}
    containerPort: {{ include "labelmill.port" $port }}
  {{- end }}
{{- range $probe := list "startup" "readiness" "liveness" }}
{{ $probe }}Probe:
  {{- if has "http" $.service.ports }}
  httpGet:
    path: {{ ternary "/readyz/self" "/healthz" (eq $probe "readiness") }}
    port: http
  {{- else }}
  grpc:
    port: {{ include "labelmill.port" "grpc" }}
    {{- /* Alive is who answers, whoever else is away; ready is whose own stores are open. */}}
    {{- if ne $probe "readiness" }}
    service: liveness
    {{- end }}
  {{- end }}
  {{- toYaml (get $.root.Values.probes $probe) | nindent 2 }}
{{- end }}
lifecycle:
  preStop:
    sleep:
      seconds: {{ .root.Values.shutdown.drainSeconds }}
resources:
  {{- toYaml .service.resources | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: scratch
    mountPath: /tmp
  {{- if has "models" .service.needs }}
  - name: models
    mountPath: /models
  {{- end }}
{{- end -}}
