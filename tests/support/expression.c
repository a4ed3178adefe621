#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "recipe.h"

/* sum = product {(+|-) product}; product = atom {(*|/|%) atom}; atom = number, name, -atom, (sum) */
struct expression {
    const char *at;
    const struct recipe_variable *variables;
    size_t count;
    int depth;
    struct error *err;
    bool failed;
};

static double sum(struct expression *e);

static double fail(struct expression *e, const char *what)
{
    if (!e->failed)
        (void)error_set(e->err, ERROR_USAGE, "%s at \"%s\"", what, e->at);
    e->failed = true;
    return 0;
}

static void skip_blanks(struct expression *e)
{
    while (*e->at == ' ' || *e->at == '\t')
        e->at++;
}

static double variable(struct expression *e)
{
    size_t length = 0;

    while (isalnum((unsigned char)e->at[length]) || e->at[length] == '_')
        length++;
    for (size_t i = e->count; i-- > 0;)
        if (strlen(e->variables[i].name) == length &&
            memcmp(e->variables[i].name, e->at, length) == 0) {
            e->at += length;
            return e->variables[i].value;
        }
    return fail(e, "unknown name");
}

static double atom(struct expression *e)
{
    double value;
    char *end;

    skip_blanks(e);
    if (++e->depth > 50)
        return fail(e, "nested too deeply");
    if (*e->at == '-') {
        e->at++;
        value = -atom(e);
    } else if (*e->at == '(') {
        e->at++;
        value = sum(e);
        skip_blanks(e);
        if (*e->at != ')')
            return fail(e, "expected \")\"");
        e->at++;
    } else if (isdigit((unsigned char)*e->at) || *e->at == '.') {
        value = strtod(e->at, &end);
        e->at = end;
    } else if (isalpha((unsigned char)*e->at)) {
        value = variable(e);
    } else {
        return fail(e, "expected a number");
    }
    e->depth--;
    skip_blanks(e);
    return value;
}

static double product(struct expression *e)
{
    double value = atom(e);

    while (!e->failed && (*e->at == '*' || *e->at == '/' || *e->at == '%')) {
        const char operation = *e->at++;
        const double right = atom(e);

        if (operation == '*')
            value *= right;
        else if (operation == '/')
            value /= right;
        else
            value -= right * floor(value / right);
    }
    return value;
}

static double sum(struct expression *e)
{
    double value = product(e);

    while (!e->failed && (*e->at == '+' || *e->at == '-')) {
        const char operation = *e->at++;
        const double right = product(e);

        value = operation == '+' ? value + right : value - right;
    }
    return value;
}

bool expression_value(const char *text, const struct recipe_variable *variables, size_t count,
                      double *value, struct error *err)
{
    struct expression e = {.at = text, .variables = variables, .count = count, .err = err};
    const double found = sum(&e);

    if (!e.failed && *e.at != '\0')
        (void)fail(&e, "expected an end");
    if (!e.failed)
        *value = found;
    return !e.failed;
}

bool expression_expand(const char *text, const struct recipe_variable *variables, size_t count,
                       struct buffer *out, struct error *err)
{
    while (*text != '\0') {
        const char *const open = strchr(text, '{');
        const char *const close = open != NULL ? strchr(open, '}') : NULL;
        char inner[256], number[32];
        double value;

        if (close == NULL)
            return buffer_puts(out, text, err);
        if ((size_t)(close - open) > sizeof inner)
            return error_set(err, ERROR_USAGE, "expression too long");
        memcpy(inner, open + 1, (size_t)(close - open - 1));
        inner[close - open - 1] = '\0';
        if (!expression_value(inner, variables, count, &value, err))
            return false;
        /* no 15th digit: 0.1 * 3 is to be 0.3 */
        value = round(value * 1e9) / 1e9;
        json_format_real(value == 0 ? 0 : value, number);
        if (!buffer_append(out, text, (size_t)(open - text), err) || !buffer_puts(out, number, err))
            return false;
        text = close + 1;
    }
    return true;
}
