
using System.Text;
using Hybrid.Files;

namespace Hybrid.Onnx;

/// <summary>
/// A message in the wire format of Protocol Buffers, as far as ONNX needs it: fields with a number, each a varint, four bytes, or a
/// length and so many bytes, among which nested messages count.
/// </summary>
/// <remarks>
/// Writing is this one page, so the core needs neither a protobuf library nor a compiler of .proto files, which a reader would
/// download before the first script runs. Pieces are kept as they are added: nesting a message copies no weights.
/// </remarks>
internal sealed class ProtoMessage
{
    private const int Varint = 0, LengthPrefixed = 2, FourBytes = 5;

    private readonly List<ReadOnlyMemory<byte>> pieces = [];
    private long length;

    /// <summary>Adds an integer.</summary>
    internal ProtoMessage Add(int field, long value) => Append(Encoded(field << 3 | Varint)).Append(Encoded(value));

    /// <summary>Adds a single-precision number.</summary>
    internal ProtoMessage Add(int field, float value) => Append(Encoded(field << 3 | FourBytes)).Append(BitConverter.GetBytes(value));

    /// <summary>Adds a text.</summary>
    internal ProtoMessage Add(int field, string value) => Add(field, Encoding.UTF8.GetBytes(value));

    /// <summary>Adds bytes, which must not change afterwards.</summary>
    internal ProtoMessage Add(int field, ReadOnlyMemory<byte> value) => Prefix(field, value.Length).Append(value);

    /// <summary>Adds a message, which must be complete.</summary>
    internal ProtoMessage Add(int field, ProtoMessage value)
    {
        Prefix(field, value.length).pieces.AddRange(value.pieces);
        length += value.length;
        return this;
    }

    /// <summary>Adds integers to a repeated field.</summary>
    internal ProtoMessage Add(int field, IEnumerable<int> values) => values.Aggregate(this, (all, one) => all.Add(field, (long)one));

    /// <summary>Adds texts to a repeated field.</summary>
    internal ProtoMessage Add(int field, IEnumerable<string> values) => values.Aggregate(this, (all, one) => all.Add(field, one));

    /// <summary>Adds messages, which must be complete, to a repeated field.</summary>
    internal ProtoMessage Add(int field, IEnumerable<ProtoMessage> values) => values.Aggregate(this, (all, one) => all.Add(field, one));

    /// <summary>Writes the message.</summary>
    /// <exception cref="DataFileException">It exceeds 2 GiB, which no reader of the format accepts.</exception>
    internal void WriteTo(Stream stream)
    {
        if (length > int.MaxValue) throw new DataFileException(
            $"the model takes {length} bytes and an ONNX file at most {int.MaxValue}; shrink it, or save it as safetensors.");
        foreach (var piece in pieces) stream.Write(piece.Span);
    }

    private ProtoMessage Prefix(int field, long bytes) => Append(Encoded(field << 3 | LengthPrefixed)).Append(Encoded(bytes));

    private ProtoMessage Append(ReadOnlyMemory<byte> piece)
    {
        pieces.Add(piece);
        length += piece.Length;
        return this;
    }

    /// <summary>Seven bits a byte, lowest first; the eighth says that more follow.</summary>
    private static byte[] Encoded(long value)
    {
        var bytes = new List<byte>();
        var rest = (ulong)value;
        for (; rest > 0x7F; rest >>= 7) bytes.Add((byte)(rest | 0x80));
        return [.. bytes, (byte)rest];
    }
}
