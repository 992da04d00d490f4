/* Graphs: their inputs are made as the manifest says, and their states go from one run to the next. */
#include "adr.h"

#include <string.h>

static const struct {
    const char *name;
    ONNXTensorElementDataType type;
    size_t bytes;
} TYPES[] = {{"bool", ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL, 1},
             {"float32", ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, 4},
             {"float64", ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE, 8},
             {"int64", ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, 8}};
enum { KINDS = sizeof TYPES / sizeof *TYPES, MAX_RANK = 6 };

int find(const char *const *names, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (!strcmp(names[i], name))
            return (int)i;
    return -1;
}

static OrtValue *value_of(const Graph *graph, const char *name) {
    int i = find(graph->input, graph->inputs, name), j = find(graph->output, graph->outputs, name);
    OrtValue *value = i >= 0 ? graph->taken[i] : j >= 0 ? graph->given[j] : NULL;
    if (!value)
        fail("%s: %s is no input or output of it", text(graph->spec, "file"), name);
    return value;
}

/* How many values a tensor has, and their type. */
static size_t count_of(OrtValue *value, ONNXTensorElementDataType *type) {
    OrtTensorTypeAndShapeInfo *info;
    size_t count;
    check(ort->GetTensorTypeAndShape(value, &info), "a tensor");
    check(ort->GetTensorShapeElementCount(info, &count), "a tensor");
    check(ort->GetTensorElementType(info, type), "a tensor");
    ort->ReleaseTensorTypeAndShapeInfo(info);
    return count;
}

static void *memory_of(OrtValue *value) {
    void *memory;
    check(ort->GetTensorMutableData(value, &memory), "a tensor");
    return memory;
}

static void *memory(const Graph *graph, const char *name, ONNXTensorElementDataType expected, size_t count) {
    ONNXTensorElementDataType type;
    if (count_of(value_of(graph, name), &type) != count || type != expected)
        fail("%s: %s has not the %zu values that are needed, or another dtype", text(graph->spec, "file"), name, count);
    return memory_of(value_of(graph, name));
}

float *floats(const Graph *graph, const char *name, size_t count) {
    return memory(graph, name, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, count);
}

int64_t *integers(const Graph *graph, const char *name, size_t count) {
    return memory(graph, name, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, count);
}

void hand_over(const Graph *from, const Graph *to, const char *name) {
    ONNXTensorElementDataType type;
    size_t count = count_of(value_of(to, name), &type);
    memcpy(floats(to, name, count), floats(from, name, count), count * sizeof(float));
}

/* A dimension, which is a number or a word in the manifest. A cache ("past") begins empty. */
static int64_t size_of(const Model *model, const Graph *graph, const cJSON *size, size_t length) {
    const char *word = cJSON_GetStringValue(size);
    if (!word && !(size->valuedouble >= 1 && size->valuedouble <= 1 << 30))
        fail("%s: a shape has the size %g", text(graph->spec, "file"), size->valuedouble);
    if (!word)
        return (int64_t)size->valuedouble;
    if (!strcmp(word, "guides") || (!strcmp(word, "rows") && graph != &model->decode))
        return (int64_t)model->guides;
    if (!strcmp(word, "rows") || !strcmp(word, "batch"))
        return 1;
    return !strcmp(word, "steps") ? (int64_t)model->denoising.steps : !strcmp(word, "length") ? (int64_t)length : 0;
}

void make(const Model *model, Graph *graph, const char *name, size_t length) {
    const int i = find(graph->input, graph->inputs, name);
    if (i < 0)
        fail("%s: %s is no input of it", text(graph->spec, "file"), name);
    const cJSON *spec = cJSON_GetArrayItem(field(graph->spec, "inputs"), i), *size;
    int64_t shape[MAX_RANK];
    size_t rank = 0, kind = 0;
    cJSON_ArrayForEach(size, field(spec, "shape")) {
        if (rank == MAX_RANK)
            fail("manifest.json: %s has more than %d dimensions", name, MAX_RANK);
        shape[rank++] = size_of(model, graph, size, length);
    }
    while (kind < KINDS && strcmp(text(spec, "dtype"), TYPES[kind].name))
        kind++;
    if (kind == KINDS)
        fail("manifest.json: %s has no dtype of a bundle's", name);
    OrtAllocator *allocator;
    ONNXTensorElementDataType type;
    check(ort->GetAllocatorWithDefaultOptions(&allocator), name);
    ort->ReleaseValue(graph->taken[i]);
    graph->taken[i] = NULL;
    check(ort->CreateTensorAsOrtValue(allocator, shape, rank, TYPES[kind].type, &graph->taken[i]), name);
    size_t bytes = count_of(graph->taken[i], &type) * TYPES[kind].bytes;
    if (bytes)
        memset(memory_of(graph->taken[i]), 0, bytes);
}

static void fill(OrtValue *tensor, double value) {
    ONNXTensorElementDataType type;
    size_t count = count_of(tensor, &type);
    void *memory = memory_of(tensor);
    for (size_t i = 0; i < count; i++)
        if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)
            ((float *)memory)[i] = (float)value;
        else if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE)
            ((double *)memory)[i] = value;
        else if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64)
            ((int64_t *)memory)[i] = (int64_t)value;
        else
            ((bool *)memory)[i] = value != 0;
}

void prepare(const Model *model, Graph *graph, const char *states) {
    const cJSON *state;
    for (size_t i = 0; i < graph->inputs; i++)
        make(model, graph, graph->input[i], 0);
    cJSON_ArrayForEach(state, field(model->manifest, "states")) if (!strcmp(text(state, "graph"), states)) {
        if (find(graph->output, graph->outputs, text(state, "present")) < 0)
            fail("%s: %s is no output of it", text(graph->spec, "file"), text(state, "present"));
        fill(value_of(graph, text(state, "past")), number(state, "initial", -9e15, 9e15));
    }
}

void run(const Model *model, Graph *graph, const char *states) {
    const cJSON *state;
    for (size_t i = 0; i < graph->outputs; i++) {
        ort->ReleaseValue(graph->given[i]);
        graph->given[i] = NULL;
    }
    check(ort->Run(graph->session, NULL, graph->input, (const OrtValue *const *)graph->taken, graph->inputs,
                   graph->output, graph->outputs, graph->given), text(graph->spec, "file"));
    cJSON_ArrayForEach(state, field(model->manifest, "states")) if (!strcmp(text(state, "graph"), states)) {
        int i = find(graph->input, graph->inputs, text(state, "past"));
        int j = find(graph->output, graph->outputs, text(state, "present"));
        ort->ReleaseValue(graph->taken[i]);
        graph->taken[i] = graph->given[j];
        graph->given[j] = NULL;
    }
}
