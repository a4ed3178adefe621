#include "task.h"

#include "base/memory.h"

struct task {
    uv_work_t request;
    struct tasks *tasks;
    task_work *work;
    task_after *after;
    void *data;
    bool ok;
    struct error err;
    struct task *next;
};

struct tasks {
    uv_loop_t *loop;
    struct task *first, **last; /* the first one is being worked on */
};

bool tasks_new(uv_loop_t *loop, struct tasks **tasks, struct error *err)
{
    struct tasks *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->loop = loop;
    made->last = &made->first;
    *tasks = made;
    return true;
}

static void work_on(uv_work_t *request)
{
    struct task *const task = request->data;

    task->ok = task->work(task->data, &task->err);
}

static void start_first(struct tasks *tasks);

static void on_done(uv_work_t *request, int status)
{
    struct task *const task = request->data;
    struct tasks *const tasks = task->tasks;

    (void)status; /* nothing is ever cancelled */
    tasks->first = task->next;
    if (tasks->first == NULL)
        tasks->last = &tasks->first;
    else
        start_first(tasks);
    task->after(task->data, task->ok, &task->err);
    memory_free(task);
}

static void start_first(struct tasks *tasks)
{
    tasks->first->request.data = tasks->first;
    (void)uv_queue_work(tasks->loop, &tasks->first->request, work_on, on_done);
}

bool task_add(struct tasks *tasks, task_work *work, task_after *after, void *data, struct error *err)
{
    struct task *const task = memory_zeroed(sizeof *task, err);
    const bool idle = tasks->first == NULL;

    if (task == NULL)
        return false;
    task->tasks = tasks;
    task->work = work;
    task->after = after;
    task->data = data;
    *tasks->last = task;
    tasks->last = &task->next;
    if (idle)
        start_first(tasks);
    return true;
}

bool tasks_are_idle(const struct tasks *tasks)
{
    return tasks->first == NULL;
}

void tasks_free(struct tasks *tasks)
{
    memory_free(tasks);
}
