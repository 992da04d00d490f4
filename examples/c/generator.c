/* The token loop: one run of the backbone's step and one of the head for each token. */
#include "adr.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The index of a name among those of the manifest, that of none where none is given. */
static size_t index_of(const Model *model, const cJSON *arguments, const char *what, const char *names) {
    const cJSON *known = field(model->manifest, names), *name;
    char list[800] = "";
    size_t i = 0;
    if (!field(arguments, what) || cJSON_IsNull(field(arguments, what)))
        return (size_t)cJSON_GetArraySize(known);
    cJSON_ArrayForEach(name, known) {
        if (!cJSON_IsString(name))
            fail("manifest.json: %s must be texts", names);
        if (!strcmp(name->valuestring, text(arguments, what)))
            return i;
        size_t used = strlen(list);
        snprintf(list + used, sizeof list - used, "%s%s", i++ ? ", " : "", name->valuestring);
    }
    fail("unknown %s '%.80s'; %s knows %s", what, text(arguments, what), text(model->manifest, "name"),
         *list ? list : "none");
}

static Parts parts_of(const Model *model, const cJSON *arguments, const char *name, double low, double high) {
    const cJSON *item = field(arguments, name), *part = cJSON_IsArray(item) ? item->child : item;
    Parts parts = {0};
    bool same = true;
    do {
        if (parts.count == MAX_PARTS)
            fail("%s has more than %d values", name, MAX_PARTS);
        parts.values[parts.count] = number_of(part, name, low, high);
        same &= parts.values[parts.count++] == parts.values[0];
    } while (cJSON_IsArray(item) && (part = part->next));
    if (parts.count > 1 && model->sound)
        fail("%s is one number for sound; several are for pictures", name);
    if (parts.count > 1 && model->length % parts.count)
        fail("%s has %zu values, which %zu tokens cannot be divided by", name, parts.count, model->length);
    if (same)
        parts.count = 1;
    return parts;
}

static double of_part(const Parts *parts, size_t position, size_t length) {
    const size_t part = parts->count > 1 ? position * parts->count / length : 0;
    return parts->values[part < parts->count ? part : parts->count - 1];
}

Denoising denoising_at(const Model *model, const Settings *settings, size_t position) {
    return (Denoising){(size_t)of_part(&settings->steps, position, model->length),
                       of_part(&settings->guidance, position, model->length),
                       of_part(&settings->temperature, position, model->length)};
}

Settings resolve(const Model *model, const cJSON *arguments) {
    static const char *const samplers[] = {"ddpm", "ddim", "dpm++"};
    cJSON *all = cJSON_Duplicate(field(model->manifest, "defaults"), true);
    const cJSON *argument;
    cJSON_ArrayForEach(argument, arguments) if (!cJSON_IsNull(argument)) {
        cJSON_DeleteItemFromObjectCaseSensitive(all, argument->string);
        cJSON_AddItemToObject(all, argument->string, cJSON_Duplicate(argument, true));
    }
    const int sampler = find(samplers, 3, text(all, "sampler"));
    if (sampler < 0)
        fail("unknown sampler '%.80s'; there are ddpm, ddim, dpm++", text(all, "sampler"));
    Settings settings = {
        .label = index_of(model, arguments, "label", "labels"),
        .speaker = index_of(model, arguments, "speaker", "speakers"),
        .sampler = samplers[sampler],
        .steps = parts_of(model, all, "steps", 1, cJSON_GetArraySize(field(model->manifest, "schedule.betas"))),
        .guidance = parts_of(model, all, "guidance", 0, 100),
        .temperature = parts_of(model, all, "temperature", 0, 10),
        .seed = (uint64_t)time(NULL),
    };
    for (size_t i = 0; i < settings.steps.count; i++)
        if (settings.steps.values[i] != floor(settings.steps.values[i]))
            fail("steps must be a whole number");
    if (field(all, "seed")) {
        const char *seed = text(all, "seed");
        char *end;
        errno = 0;
        settings.seed = strtoull(seed, &end, 10);
        if (errno || *end || *seed < '0' || *seed > '9')
            fail("seed must be a whole number from 0 to 2^64 - 1, not '%.40s'", seed);
    }
    cJSON_Delete(all);
    return settings;
}

/* Tells every token the null class of each control, whose number is that of the classes: this program has no others. */
static void tell_nothing(Model *model, const cJSON *controls, size_t count) {
    int64_t *told = integers(&model->step, "controls", model->guides * count);
    for (size_t i = 0; i < model->guides * count; i++)
        told[i] = (int64_t)whole(cJSON_GetArrayItem(controls, (int)(i % count)), "classes", 1, 1 << 16);
}

void start(Model *model, const Settings *settings) {
    const size_t labels = (size_t)cJSON_GetArraySize(field(model->manifest, "labels"));
    const size_t speakers = (size_t)cJSON_GetArraySize(field(model->manifest, "speakers"));
    const cJSON *controls = field(model->manifest, "controls");
    const size_t told = (size_t)cJSON_GetArraySize(controls);
    const bool named = settings->label < labels || settings->speaker < speakers || told;
    model->settings = *settings;
    model->guides = named && (settings->guidance.count > 1 || settings->guidance.values[0] != 1) ? 2 : 1;
    model->position = 0;
    model->finished = false;
    prepare(model, &model->step, "backbone");
    prepare(model, &model->decode, "decode");
    for (size_t i = 0; i < model->guides; i++) {
        if (labels)
            integers(&model->step, "label", model->guides)[i] = (int64_t)(i ? labels : settings->label);
        if (speakers)
            integers(&model->step, "speaker", model->guides)[i] = (int64_t)(i ? speakers : settings->speaker);
    }
    if (told)
        tell_nothing(model, controls, told);
}

/* Gives the head what it takes beside condition and noise, where the next token has other numbers than the last. */
static void choose_denoising(Model *model) {
    Graph *timestep = &model->timestep, *head = &model->head;
    const Denoising by = denoising_at(model, &model->settings, model->position), *last = &model->denoising;
    const bool same = by.steps == last->steps && by.guidance == last->guidance && by.temperature == last->temperature;
    if (model->position && same)
        return;
    model->denoising = by;
    prepare(model, timestep, "");
    prepare(model, head, "");
    float *table = floats(head, "coefficients", by.steps * COLUMNS), *mix = floats(head, "mix", model->guides);
    int64_t *timesteps = integers(timestep, "timestep", by.steps);
    sampler_table(model->manifest, model->settings.sampler, by, timesteps, table);
    model->noisy = false;
    for (size_t i = 0; i < by.steps; i++)
        model->noisy |= table[i * COLUMNS + NOISE_COLUMN] != 0;
    /* A head that jumps is told where to: ddim's steps are jumps, the others ask for the slope where they are. */
    if (find(timestep->input, timestep->inputs, "arrival") >= 0) {
        const bool jumping = !strcmp(model->settings.sampler, "ddim");
        int64_t *arrival = integers(timestep, "arrival", by.steps);
        for (size_t i = 0; i < by.steps; i++)
            arrival[i] = !jumping ? timesteps[i] + 1 : i + 1 < by.steps ? timesteps[i + 1] + 1 : 0;
    }
    run(model, timestep, "");
    hand_over(timestep, head, "modulation");
    *floats(head, "clip", 1) = (float)number(model->manifest, "schedule.clip", 0, 1e30);
    mix[model->guides - 1] = (float)(1 - by.guidance);
    mix[0] = model->guides == 2 ? (float)by.guidance : 1;
}

static const float *next_token(Model *model) {
    Graph *step = &model->step, *head = &model->head;
    const Settings *settings = &model->settings;
    const size_t channels = model->channels, guides = model->guides;
    choose_denoising(model);
    run(model, step, "backbone");
    hand_over(step, head, "condition");
    if (find(step->output, step->outputs, "end") >= 0)
        model->finished = floats(step, "end", guides)[0] > 0;
    float *initial = floats(head, "initial", channels), *added = floats(head, "noise", model->denoising.steps * channels);
    noise(settings->seed, 0, model->position, 0, channels, initial);
    /* Samplers without noise of their own take their temperature here. */
    for (size_t i = 0; i < channels && strcmp(settings->sampler, "ddpm"); i++)
        initial[i] *= (float)model->denoising.temperature;
    for (size_t i = 0; i < model->denoising.steps && model->noisy; i++)
        noise(settings->seed, 0, model->position, (uint32_t)i + 1, channels, added + i * channels);
    run(model, head, "");
    const float *token = floats(head, "token", channels);
    for (size_t i = 0; i < guides; i++)
        memcpy(floats(step, "token", guides * channels) + i * channels, token, channels * sizeof *token);
    model->position++;
    return token;
}

void next_tokens(Model *model, float *tokens, size_t length) {
    for (size_t i = 0; i < length; i++)
        memcpy(tokens + i * model->channels, next_token(model), model->channels * sizeof *tokens);
}

float *decode(Model *model, const float *tokens, size_t length) {
    const size_t count = length * model->channels;
    make(model, &model->decode, "tokens", length);
    memcpy(floats(&model->decode, "tokens", count), tokens, count * sizeof *tokens);
    run(model, &model->decode, "decode");
    if (model->sound)
        return floats(&model->decode, "samples", length * model->hop);
    return floats(&model->decode, "pixels", model->pixels);
}

unsigned char to_byte(float value) { return (unsigned char)rintf(fminf(fmaxf(value, 0), 1) * 255); }
