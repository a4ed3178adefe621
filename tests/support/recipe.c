#include "recipe.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { DEPTH = 16, VARIABLES = 32 };

struct parser {
    struct recipe *recipe;
    struct recipe_variable variables[VARIABLES];
    size_t variable_count;
    struct recipe_set *open[DEPTH]; /* where an element of that depth goes; NULL: no item open */
    unsigned line;
};

static void set_release(struct recipe_set *set);

static void element_release(struct recipe_element *element)
{
    memory_free(element->value);
    if (element->items != NULL) {
        for (size_t i = 0; i < element->items->count; i++)
            set_release(&element->items->sets[i]);
        memory_free(element->items->sets);
        memory_free(element->items);
    }
    *element = (struct recipe_element){0};
}

static void set_release(struct recipe_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        element_release(&set->elements[i]);
    memory_free(set->elements);
    *set = (struct recipe_set){0};
}

void recipe_release(struct recipe *recipe)
{
    for (size_t i = 0; i < recipe->setting_count; i++) {
        memory_free(recipe->settings[i].name);
        memory_free(recipe->settings[i].value);
    }
    memory_free(recipe->settings);
    set_release(&recipe->elements);
    *recipe = (struct recipe){0};
}

const char *recipe_text(const struct recipe *recipe, const char *name, const char *absent)
{
    for (size_t i = recipe->setting_count; i-- > 0;)
        if (strcmp(recipe->settings[i].name, name) == 0)
            return recipe->settings[i].value;
    return absent;
}

double recipe_number(const struct recipe *recipe, const char *name, double absent)
{
    const char *const text = recipe_text(recipe, name, NULL);

    return text != NULL ? strtod(text, NULL) : absent;
}

bool recipe_flag(const struct recipe *recipe, const char *name, bool absent)
{
    const char *const text = recipe_text(recipe, name, NULL);

    return text != NULL ? strcmp(text, "yes") == 0 : absent;
}

struct recipe_element *recipe_find(struct recipe_set *set, uint32_t tag)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->elements[i].tag == tag)
            return &set->elements[i];
    return NULL;
}

static struct recipe_element *element_add(struct recipe_set *set, uint32_t tag, const char vr[2],
                                          const char *value, struct error *err)
{
    struct recipe_element *element;
    void *elements = set->elements;

    if (!memory_grow(&elements, &set->capacity, set->count + 1, sizeof *element, err))
        return NULL;
    set->elements = elements;
    element = &set->elements[set->count];
    *element = (struct recipe_element){.tag = tag, .vr = {vr[0], vr[1], '\0'}};
    element->value = memory_string(value, err);
    if (element->value == NULL)
        return NULL;
    set->count++;
    return element;
}

bool recipe_put(struct recipe_set *set, uint32_t tag, const char vr[2], const char *value,
                struct error *err)
{
    recipe_remove(set, tag);
    return element_add(set, tag, vr, value, err) != NULL;
}

bool recipe_default(struct recipe_set *set, uint32_t tag, const char vr[2], const char *value,
                    struct error *err)
{
    return recipe_find(set, tag) != NULL || recipe_put(set, tag, vr, value, err);
}

void recipe_remove(struct recipe_set *set, uint32_t tag)
{
    struct recipe_element *const element = recipe_find(set, tag);

    if (element == NULL)
        return;
    element_release(element);
    set->count--;
    memmove(element, element + 1,
            (size_t)(set->elements + set->count - element) * sizeof *element);
}

static bool setting_add(struct recipe *recipe, const char *name, size_t name_size, const char *value,
                        struct error *err)
{
    struct recipe_setting *setting;
    void *settings = recipe->settings;

    if (!memory_grow(&settings, &recipe->setting_capacity, recipe->setting_count + 1,
                     sizeof *setting, err))
        return false;
    recipe->settings = settings;
    setting = &recipe->settings[recipe->setting_count];
    setting->name = memory_new(name_size + 1, err);
    setting->value = memory_string(value, err);
    if (setting->name == NULL || setting->value == NULL)
        return false;
    memcpy(setting->name, name, name_size);
    setting->name[name_size] = '\0';
    recipe->setting_count++;
    return true;
}

static bool variable_set(struct parser *parser, const char *name, size_t size, double value,
                         struct error *err)
{
    struct recipe_variable *variable = NULL;

    for (size_t i = 0; i < parser->variable_count; i++)
        if (strlen(parser->variables[i].name) == size &&
            memcmp(parser->variables[i].name, name, size) == 0)
            variable = &parser->variables[i];
    if (variable == NULL) {
        if (parser->variable_count == VARIABLES || size >= sizeof variable->name)
            return error_set(err, ERROR_USAGE, "too many variables, or a name too long");
        variable = &parser->variables[parser->variable_count++];
        memcpy(variable->name, name, size);
        variable->name[size] = '\0';
    }
    variable->value = value;
    return true;
}

/* ">item", under the last element of the level above. */
static bool item_begin(struct parser *parser, size_t depth, struct error *err)
{
    struct recipe_set *const above = depth > 0 ? parser->open[depth - 1] : NULL;
    struct recipe_element *owner;
    struct recipe_items *items;
    void *sets;

    if (above == NULL || above->count == 0 || depth >= DEPTH)
        return error_set(err, ERROR_USAGE, "an item without a sequence");
    owner = &above->elements[above->count - 1];
    if (owner->items == NULL) {
        owner->items = memory_zeroed(sizeof *owner->items, err);
        if (owner->items == NULL)
            return false;
    }
    items = owner->items;
    sets = items->sets;
    if (!memory_grow(&sets, &items->capacity, items->count + 1, sizeof *items->sets, err))
        return false;
    items->sets = sets;
    items->sets[items->count] = (struct recipe_set){0};
    parser->open[depth] = &items->sets[items->count++];
    for (size_t i = depth + 1; i < DEPTH; i++)
        parser->open[i] = NULL;
    return true;
}

/* "gggg,eeee VR value" */
static bool element_line(struct parser *parser, size_t depth, const char *line, struct error *err)
{
    const uint32_t group = (uint32_t)strtoul(line, NULL, 16);
    const uint32_t number = (uint32_t)strtoul(line + 5, NULL, 16);
    const char *value = line + 12;
    struct recipe_element *element;

    if (parser->open[depth] == NULL)
        return error_set(err, ERROR_USAGE, "an element outside an item");
    if (strlen(line) < 12 || line[9] != ' ')
        return error_set(err, ERROR_USAGE, "expected \"gggg,eeee VR value\"");
    if (*value == ' ')
        value++;
    if (depth == 0 && recipe_find(parser->open[0], group << 16 | number) != NULL)
        recipe_remove(parser->open[0], group << 16 | number);
    element = element_add(parser->open[depth], group << 16 | number, line + 10, value, err);
    if (element == NULL)
        return false;
    element->undefined_length = memcmp(element->vr, "SQ", 2) == 0 && strcmp(value, "undefined") == 0;
    for (size_t i = depth + 1; i < DEPTH; i++)
        parser->open[i] = NULL;
    return true;
}

static bool is_element(const char *line)
{
    for (int i = 0; i < 9; i++)
        if (i == 4 ? line[i] != ',' : !isxdigit((unsigned char)line[i]))
            return false;
    return true;
}

static bool one_line(struct parser *parser, const char *line, struct error *err)
{
    size_t depth = 0, name_size;
    const char *equals;

    while (line[depth] == '>')
        depth++;
    if (depth >= DEPTH)
        return error_set(err, ERROR_USAGE, "nested too deeply");
    if (strcmp(line + depth, "item") == 0)
        return item_begin(parser, depth, err);
    if (is_element(line + depth))
        return element_line(parser, depth, line + depth, err);
    if (line[0] == '-' && is_element(line + 1))
        return setting_add(parser->recipe, "-", 1, line + 1, err);
    if (strncmp(line, "fault ", 6) == 0)
        return setting_add(parser->recipe, "fault", 5, line + 6, err);
    equals = strchr(line, '=');
    if (equals == NULL)
        return error_set(err, ERROR_USAGE, "expected \"name = value\", found \"%s\"", line);
    name_size = (size_t)(equals - line);
    while (name_size > 0 && line[name_size - 1] == ' ')
        name_size--;
    equals++;
    while (*equals == ' ')
        equals++;
    if (strncmp(line, "let ", 4) == 0) {
        double value;

        return expression_value(equals, parser->variables, parser->variable_count, &value, err) &&
               variable_set(parser, line + 4, name_size - 4, value, err);
    }
    return setting_add(parser->recipe, line, name_size, equals, err);
}

/* Takes the next line of *text (without blanks around it) into `line`; false at the end. */
static bool next_line(const char **text, char *line, size_t size)
{
    const char *const end = strchr(*text, '\n');
    const char *from = *text;
    size_t length = end != NULL ? (size_t)(end - from) : strlen(from);

    if (*from == '\0')
        return false;
    *text = end != NULL ? end + 1 : from + length;
    while (length > 0 && (*from == ' ' || *from == '\t')) {
        from++;
        length--;
    }
    while (length > 0 && (from[length - 1] == ' ' || from[length - 1] == '\r'))
        length--;
    if (length >= size)
        length = size - 1;
    memcpy(line, from, length);
    line[length] = '\0';
    return true;
}

static bool lines(struct parser *parser, const char **text, bool inner, struct error *err);

/* "repeat V FIRST LAST": the lines up to `end`, again and again. */
static bool repeat(struct parser *parser, const char *line, const char **text, struct error *err)
{
    char name[24];
    double first, last;
    const char *after = *text;
    const unsigned at = parser->line;

    if (sscanf(line, "repeat %23s %lf %lf", name, &first, &last) != 3) // ci-allow
        return error_set(err, ERROR_USAGE, "expected \"repeat NAME FIRST LAST\"");
    for (double value = first; value <= last; value++) {
        after = *text;
        parser->line = at;
        if (!variable_set(parser, name, strlen(name), value, err) ||
            !lines(parser, &after, true, err))
            return false;
    }
    *text = after;
    return true;
}

static bool lines(struct parser *parser, const char **text, bool inner, struct error *err)
{
    static char line[1 << 16];
    struct buffer expanded = {0};
    bool ok = true;

    while (ok && next_line(text, line, sizeof line)) {
        parser->line++;
        if (line[0] == '\0' || line[0] == '#')
            continue;
        if (inner && strcmp(line, "end") == 0)
            break;
        buffer_clear(&expanded);
        ok = expression_expand(line, parser->variables, parser->variable_count, &expanded, err) &&
             (strncmp(line, "repeat ", 7) == 0 ? repeat(parser, buffer_text(&expanded), text, err)
                                               : one_line(parser, buffer_text(&expanded), err));
    }
    buffer_release(&expanded);
    return ok;
}

bool recipe_parse(const char *text, const struct recipe_variable *variables, size_t variable_count,
                  struct recipe *recipe, struct error *err)
{
    struct parser parser = {.recipe = recipe, .open = {&recipe->elements}};

    *recipe = (struct recipe){0};
    for (size_t i = 0; i < variable_count; i++)
        if (!variable_set(&parser, variables[i].name, strlen(variables[i].name), variables[i].value,
                          err))
            return false;
    if (lines(&parser, &text, false, err))
        return true;
    (void)error_context(err, "line %u", parser.line);
    recipe_release(recipe);
    return false;
}
