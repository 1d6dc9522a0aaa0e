{{/* Names, labels and what all roles have in common. */}}
{{- define "forebay.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Takes a dict of root and role. */}}
{{- define "forebay.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "forebay.labels" -}}
{{ include "forebay.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- define "forebay.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "forebay.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "forebay.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Keys of the root user, what the roles share, and where the registry is. */}}
{{- define "forebay.env" -}}
- name: FOREBAY_ACCESS_KEY
  valueFrom:
    secretKeyRef: { name: {{ .Values.auth.existingSecret }}, key: accessKey }
- name: FOREBAY_SECRET_KEY
  valueFrom:
    secretKeyRef: { name: {{ .Values.auth.existingSecret }}, key: secretKey }
- name: FOREBAY_CLUSTER_SECRET
  valueFrom:
    secretKeyRef: { name: {{ .Values.auth.existingSecret }}, key: clusterSecret }
{{- with .Values.auth.metricsTokenKey }}
- name: FOREBAY_METRICS_TOKEN
  valueFrom:
    secretKeyRef: { name: {{ $.Values.auth.existingSecret }}, key: {{ . }} }
{{- end }}
{{- end }}

{{/* For the roles that speak to the UFS. */}}
{{- define "forebay.ufsEnv" -}}
{{- range .Values.ufsCredentials }}
- name: {{ .name }}_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef: { name: {{ .existingSecret }}, key: {{ .accessKeyIdKey | default "accessKeyId" }} }
- name: {{ .name }}_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef: { name: {{ .existingSecret }}, key: {{ .secretAccessKeyKey | default "secretAccessKey" }} }
{{- end }}
{{- end }}

{{/* All registries by their own names: whoever asks finds the active one. */}}
{{- define "forebay.registryUrls" -}}
{{- $service := printf "%s-registry" (include "forebay.fullname" .) -}}
{{- $urls := list -}}
{{- range $index := until (int .Values.registry.replicas) -}}
{{- $urls = append $urls (printf "http://%s-%d.%s.%s.svc.%s:9001" $service $index $service $.Release.Namespace $.Values.clusterDomain) -}}
{{- end -}}
{{- join "," $urls -}}
{{- end }}

{{/* Restarted where it does not live; asked nothing where it cannot serve. Takes a dict with the path of the latter. */}}
{{- define "forebay.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: admin }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: admin }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: {{ .ready }}, port: admin }
  periodSeconds: 3
  timeoutSeconds: 2
{{- end }}

{{/* Pods of one role on different machines where there are enough. */}}
{{- define "forebay.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "forebay.selector" . | nindent 8 }}
{{- end }}
