/* The only file that sees GDCM. Every exported function is one try block that ends in catch (...):
 * no C++ type, exception or allocation crosses into C.
 *
 * The element classes are used directly, by the encoding that header.c has made sure of:
 * gdcm::Reader would try one parser after the other, and load 16 MB of tables before. */
#include "dicom/dicom_gdcm.h"

#include <cstring>
#include <istream>
#include <map>
#include <memory>
#include <streambuf>
#include <vector>

/* GDCM's headers inline a copy of nothing from NULL, which gcc 12 reports where it is inlined. */
#pragma GCC diagnostic ignored "-Wnonnull"

/* The assertions of GDCM's templates would abort on what the walk has already refused. */
#ifndef NDEBUG
#define NDEBUG
#endif
#include <gdcmByteValue.h>
#include <gdcmDataSet.h>
#include <gdcmException.h>
#include <gdcmExplicitDataElement.h>
#include <gdcmImplicitDataElement.h>
#include <gdcmSequenceOfItems.h>
#include <gdcmSwapper.h>
#include <gdcmTrace.h>

struct dataset {
    const struct object *object = nullptr;
    const struct dataset *parent = nullptr;
    std::unique_ptr<gdcm::DataSet> owned; /* the root's */
    const gdcm::DataSet *set = nullptr;
    std::map<uint32_t, std::vector<std::unique_ptr<struct dataset>>> items;
};

namespace
{

/* Reads from memory; knows its place, because GDCM asks for it. */
class memory_streambuf : public std::streambuf
{
  public:
    memory_streambuf(const uint8_t *bytes, size_t size)
    {
        char *begin = const_cast<char *>(reinterpret_cast<const char *>(bytes));
        setg(begin, begin, begin + size);
    }
    bool at_end() const
    {
        return gptr() == egptr();
    }

  protected:
    pos_type seekoff(off_type offset, std::ios_base::seekdir direction,
                     std::ios_base::openmode) override
    {
        const off_type base = direction == std::ios_base::beg   ? 0
                              : direction == std::ios_base::cur ? gptr() - eback()
                                                                : egptr() - eback();
        const off_type place = base + offset;
        if (place < 0 || place > egptr() - eback())
            return pos_type(off_type(-1));
        setg(eback(), eback() + place, egptr());
        return pos_type(place);
    }
    pos_type seekpos(pos_type place, std::ios_base::openmode mode) override
    {
        return seekoff(off_type(place), std::ios_base::beg, mode);
    }
};

void read_set(std::istream &stream, struct encoding encoding, gdcm::DataSet &set)
{
    if (!encoding.explicit_vr)
        set.Read<gdcm::ImplicitDataElement, gdcm::SwapperNoOp>(stream);
    else if (encoding.big_endian)
        set.Read<gdcm::ExplicitDataElement, gdcm::SwapperDoOp>(stream);
    else
        set.Read<gdcm::ExplicitDataElement, gdcm::SwapperNoOp>(stream);
}

const gdcm::SequenceOfItems *sequence_of(const gdcm::DataElement &element)
{
    if (element.IsEmpty())
        return nullptr;
    return dynamic_cast<const gdcm::SequenceOfItems *>(&element.GetValue());
}

/* header.c bounds the depth. */
void adopt(struct dataset &dataset)
{
    for (const gdcm::DataElement &element : dataset.set->GetDES()) {
        const gdcm::SequenceOfItems *sequence = sequence_of(element);
        if (!sequence || !sequence->GetNumberOfItems())
            continue;
        auto &items = dataset.items[element.GetTag().GetElementTag()];
        items.reserve(sequence->GetNumberOfItems());
        for (gdcm::SequenceOfItems::SizeType i = 1; i <= sequence->GetNumberOfItems(); i++) {
            std::unique_ptr<struct dataset> item(new struct dataset);
            item->object = dataset.object;
            item->parent = &dataset;
            item->set = &sequence->GetItem(i).GetNestedDataSet();
            adopt(*item);
            items.push_back(std::move(item));
        }
    }
}

void get_value(const gdcm::DataElement &element, struct dataset_value *value)
{
    const gdcm::VR vr = element.GetVR();
    const char *letters = vr == gdcm::VR::INVALID ? "UN" : gdcm::VR::GetVRString(vr);
    const gdcm::ByteValue *bytes = element.IsEmpty() ? nullptr : element.GetByteValue();
    value->vr[0] = letters[0];
    value->vr[1] = letters[1];
    value->vr[2] = '\0';
    value->bytes = bytes ? reinterpret_cast<const uint8_t *>(bytes->GetPointer()) : nullptr;
    value->size = bytes ? size_t(bytes->GetLength()) : 0;
}

void silence()
{
    gdcm::Trace::SetDebug(false);
    gdcm::Trace::SetWarning(false);
    gdcm::Trace::SetError(false);
}

} // namespace

bool gdcm_read(const uint8_t *copy, size_t size, struct encoding encoding,
               const struct object *object, const struct dataset *parent, struct dataset **root,
               struct error *err)
try {
    silence();
    std::unique_ptr<struct dataset> dataset(new struct dataset);
    dataset->object = object;
    dataset->parent = parent;
    dataset->owned.reset(new gdcm::DataSet);
    dataset->set = dataset->owned.get();
    memory_streambuf buffer(copy, size);
    std::istream stream(&buffer);
    if (size)
        read_set(stream, encoding, *dataset->owned);
    if (!buffer.at_end())
        return error_set(err, ERROR_CORRUPT, "GDCM does not agree where the data set ends");
    adopt(*dataset);
    *root = dataset.release();
    return true;
} catch (const std::bad_alloc &) {
    return error_set(err, ERROR_NOMEM, "out of memory for a data set of %zu bytes", size);
} catch (const std::exception &exception) {
    return error_set(err, ERROR_CORRUPT, "GDCM refuses the data set: %.160s", exception.what());
} catch (...) {
    return error_set(err, ERROR_CORRUPT, "GDCM refuses the data set");
}

void gdcm_free(struct dataset *root)
try {
    delete root;
} catch (...) {
}

bool gdcm_each(const struct dataset *dataset, gdcm_visit *visit, void *client, struct error *err)
try {
    for (const gdcm::DataElement &element : dataset->set->GetDES()) {
        struct gdcm_element found = {};
        found.tag = element.GetTag().GetElementTag();
        found.is_sequence = sequence_of(element) != nullptr;
        get_value(element, &found.value);
        if (found.is_sequence)
            found.items = gdcm_items(dataset, found.tag);
        if (!visit(client, &found, err))
            return false;
    }
    return true;
} catch (...) {
    return error_set(err, ERROR_CORRUPT, "GDCM does not give the elements of a data set");
}

bool gdcm_find(const struct dataset *dataset, uint32_t tag, struct dataset_value *value)
try {
    const gdcm::Tag wanted(tag);
    const auto &elements = dataset->set->GetDES();
    const auto found = elements.find(gdcm::DataElement(wanted));
    if (found == elements.end() || found->IsEmpty())
        return false;
    get_value(*found, value);
    return value->size > 0;
} catch (...) {
    return false;
}

size_t gdcm_items(const struct dataset *dataset, uint32_t tag)
try {
    const auto found = dataset->items.find(tag);
    return found == dataset->items.end() ? 0 : found->second.size();
} catch (...) {
    return 0;
}

const struct dataset *gdcm_item(const struct dataset *dataset, uint32_t tag, size_t index)
try {
    const auto found = dataset->items.find(tag);
    if (found == dataset->items.end() || index >= found->second.size())
        return nullptr;
    return found->second[index].get();
} catch (...) {
    return nullptr;
}

const struct object *gdcm_object(const struct dataset *dataset)
try {
    return dataset->object;
} catch (...) {
    return nullptr;
}

const struct dataset *gdcm_parent(const struct dataset *dataset)
try {
    return dataset->parent;
} catch (...) {
    return nullptr;
}
