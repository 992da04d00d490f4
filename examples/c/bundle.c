/* A bundle's folder: the manifest is read, and each graph verified before ONNX Runtime sees it. */
#define _POSIX_C_SOURCE 200112L
#include "adr.h"

#include <errno.h>
#include <math.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#define setenv(name, value, replace) _putenv_s(name, value)
#endif

const OrtApi *ort;

_Noreturn void fail(const char *format, ...) {
    char line[1000];
    va_list values;
    va_start(values, format);
    vsnprintf(line, sizeof line, format, values);
    va_end(values);
    for (char *c = line; *c; c++)
        *c = (unsigned char)*c < ' ' ? ' ' : *c;
    fprintf(stderr, "adr-generate: %s\n", line);
    exit(2);
}

void check(OrtStatus *status, const char *what) {
    if (status)
        fail("%s: ONNX Runtime %s: %s", what, OrtGetApiBase()->GetVersionString(), ort->GetErrorMessage(status));
}

void *allocate(size_t count, size_t bytes) {
    void *memory = calloc(count + !count, bytes);
    if (!memory)
        fail("%zu x %zu bytes are more memory than there is", count, bytes);
    return memory;
}

/* A file of up to `limit` bytes, a zero behind it, and its SHA-256. */
static char *read_file(const char *folder, const char *file, size_t limit, size_t *size, char hash[65]) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
        fail("%.80s...: too long a path", folder);
    FILE *source = fopen(path, "rb");
    if (!source)
        fail("%s: %s; fetch or export the bundle again", path, errno == ENOENT ? "missing" : strerror(errno));
    char *data = allocate(limit + 2, 1);
    *size = fread(data, 1, limit + 1, source);
    if (ferror(source) || *size > limit)
        fail("%s: %s; fetch or export the bundle again", path, *size > limit ? "too long" : "cannot be read");
    fclose(source);
    data[*size] = 0;
    SHA256((unsigned char *)data, *size, digest);
    for (int i = 0; i < SHA256_DIGEST_LENGTH; i++)
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
    return data;
}

cJSON *read_json(const char *folder, const char *file, size_t limit, char hash[65]) {
    size_t size;
    char *data = read_file(folder, file, limit, &size, hash);
    cJSON *found = cJSON_Parse(data);
    free(data);
    if (!found)
        fail("%s/%s: not JSON; fetch or export the bundle again", folder, file);
    return found;
}

const cJSON *field(const cJSON *object, const char *path) {
    char name[64];
    for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
        snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
        object = cJSON_GetObjectItemCaseSensitive(object, name);
    }
    return cJSON_GetObjectItemCaseSensitive(object, path);
}

double number_of(const cJSON *item, const char *name, double low, double high) {
    const char *spelled = cJSON_GetStringValue(item);
    char *end = NULL;
    double value = spelled ? strtod(spelled, &end) : cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if ((spelled && (end == spelled || *end)) || !(value >= low && value <= high))
        fail("%s must be a number from %.10g to %.10g", name, low, high);
    return value;
}

double number(const cJSON *object, const char *path, double low, double high) {
    return number_of(field(object, path), path, low, high);
}

size_t whole(const cJSON *object, const char *path, double low, double high) {
    double value = number(object, path, low, high);
    if (value != floor(value))
        fail("%s must be a whole number", path);
    return (size_t)value;
}

const char *text(const cJSON *object, const char *path) {
    const char *found = cJSON_GetStringValue(field(object, path));
    if (!found)
        fail("%s must be a text", path);
    return found;
}

/* Compares versions as "1.25.1". */
static bool older(const char *version, const char *least) {
    int a[3] = {0}, b[3] = {0}, i = 0;
    sscanf(version, "%d.%d.%d", &a[0], &a[1], &a[2]);
    sscanf(least, "%d.%d.%d", &b[0], &b[1], &b[2]);
    while (i < 2 && a[i] == b[i])
        i++;
    return a[i] < b[i];
}

static size_t list_names(const cJSON *tensors, const char **names) {
    const cJSON *tensor;
    size_t count = 0;
    cJSON_ArrayForEach(tensor, tensors) {
        if (count == MAX_TENSORS)
            fail("manifest.json: graphs have up to %d inputs and outputs", MAX_TENSORS);
        names[count++] = text(tensor, "name");
    }
    return count;
}

static void open_graph(Model *model, Graph *graph, const char *key, const char *folder, OrtSessionOptions *options) {
    const cJSON *spec = graph->spec = field(field(model->manifest, "graphs"), key);
    if (!spec)
        fail("%s/manifest.json: has no graph %s", folder, key);
    const char *file = text(spec, "file"), *hash = text(spec, "sha256");
    char found[65];
    size_t size;
    if (strpbrk(file, "/\\:") || *file == '.')
        fail("manifest.json: %s is no plain file name inside the bundle", file);
    char *data = read_file(folder, file, whole(spec, "bytes", 1, 1 << 30), &size, found);
    if (strcmp(found, hash))
        fail("%s/%s: damaged: SHA-256 expected %.16s, found %.16s; fetch or export the bundle again", folder, file,
             hash, found);
    check(ort->CreateSessionFromArray(model->environment, data, size, options, &graph->session), file);
    free(data);
    graph->inputs = list_names(field(spec, "inputs"), graph->input);
    graph->outputs = list_names(field(spec, "outputs"), graph->output);
}

static void read_manifest(Model *model, const char *folder) {
    const cJSON *manifest = model->manifest = read_json(folder, "manifest.json", 4 << 20, model->hash);
    const char *version = OrtGetApiBase()->GetVersionString();
    const char *least = cJSON_GetStringValue(field(manifest, "onnxruntime"));
    char headers[16];
    if (number(manifest, "schema_version", 1, 1e9) != 1 || strcmp(text(manifest, "family"), "adr"))
        fail("%s: schema_version must be 1 and family adr; for any-order models there is adr-run", folder);
    /* Asked for a newer interface than it has, ONNX Runtime prints a line of its own. */
    snprintf(headers, sizeof headers, "1.%d.0", ORT_API_VERSION);
    if (!least || older(least, headers))
        least = headers;
    if (older(version, least))
        fail("%s: needs ONNX Runtime %s or newer, this is %s", folder, least, version);
    model->sound = !strcmp(text(manifest, "kind"), "audio");
    model->channels = whole(manifest, "tokens.channels", 1, 1 << 16);
    if (model->sound) {
        model->hop = whole(manifest, "audio.hop", 1, 1 << 16);
        model->delay = whole(manifest, "audio.delay", 0, 1 << 20);
    } else {
        model->length = whole(manifest, "tokens.length", 1, 1 << 26);
        model->pixels = whole(manifest, "image.height", 1, 1 << 14) * whole(manifest, "image.width", 1, 1 << 14);
        model->pixels *= whole(manifest, "image.channels", 1, 3);
    }
}

void open_model(Model *model, const char *folder) {
    OrtSessionOptions *options;
    memset(model, 0, sizeof *model);
    read_manifest(model, folder);
    ort = OrtGetApiBase()->GetApi(ORT_API_VERSION);
    /* Its telemetry leaves files in the home folder before anybody can call DisableTelemetryEvents. */
    setenv("ORT_DISABLE_TELEMETRY", "1", 0);
    check(ort->CreateEnv(ORT_LOGGING_LEVEL_FATAL, "adr", &model->environment), folder);
    check(ort->CreateSessionOptions(&options), folder);
    check(ort->SetIntraOpNumThreads(options, 1), folder);
    check(ort->SetInterOpNumThreads(options, 1), folder);
    open_graph(model, &model->step, "step", folder, options);
    open_graph(model, &model->timestep, "timestep", folder, options);
    open_graph(model, &model->head, "head", folder, options);
    open_graph(model, &model->decode, "decode", folder, options);
    ort->ReleaseSessionOptions(options);
}

void close_model(Model *model) {
    Graph *graphs[] = {&model->step, &model->timestep, &model->head, &model->decode};
    for (int i = 0; i < 4; i++) {
        for (size_t j = 0; j < MAX_TENSORS; j++) {
            ort->ReleaseValue(graphs[i]->taken[j]);
            ort->ReleaseValue(graphs[i]->given[j]);
        }
        ort->ReleaseSession(graphs[i]->session);
    }
    ort->ReleaseEnv(model->environment);
    cJSON_Delete(model->manifest);
}
