using System.Numerics;
using Hybrid.Rules;
using Hybrid.Tensors;

namespace Hybrid.Models;

/// <summary>
/// Keys and values of one attention of a decoder, kept from step to step, so that each step projects its own token only.
/// </summary>
/// <remarks>There is room for more steps than there have been, doubled when it is used up; a mask hides what is still empty.</remarks>
internal sealed class KeyValueCache<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int FirstRoom = 16;

    // The second pair is what rows are copied into when they are selected; then the pairs change places.
    private Tensor<T> keys, values, spareKeys, spareValues;

    internal KeyValueCache(int rows, int features)
    {
        keys = Tensor<T>.Zeros(new Shape(rows, FirstRoom, features));
        values = Tensor<T>.Zeros(keys.Shape);
        spareKeys = keys;
        spareValues = values;
    }

    /// <summary>Keys that are already there, [rows, time, features], such as the encoder's output makes.</summary>
    internal KeyValueCache(Tensor<T> keys, Tensor<T> values)
    {
        this.keys = keys.ToPersistent();
        this.values = values.ToPersistent();
        spareKeys = this.keys;
        spareValues = this.values;
        Time = keys.Shape[1];
    }

    /// <summary>Steps that are kept.</summary>
    internal int Time { get; private set; }

    /// <summary>[rows, room, features]; what lies behind <see cref="Time"/> is not yet written.</summary>
    internal Tensor<T> Keys => keys;

    /// <summary>[rows, room, features], as the keys.</summary>
    internal Tensor<T> Values => values;

    private int Rows => keys.Shape[0];

    private int Room => keys.Shape[1];

    private int Features => keys.Shape[2];

    /// <summary>Shows the steps that are there.</summary>
    internal AttentionMask Mask() => Time == Room ? AttentionMask.None : AttentionMask.Padding([.. Enumerable.Repeat(Time, Rows)]);

    /// <summary>Keeps one more step, [rows, 1, features].</summary>
    internal void Append(Tensor<T> key, Tensor<T> value)
    {
        if (Time == Room) Gather([.. Enumerable.Range(0, Rows)], 2 * Room);
        for (var row = 0; row < Rows; row++)
        {
            var to = (row * Room + Time) * Features;
            key.Span.Slice(row * Features, Features).CopyTo(keys.Span[to..]);
            value.Span.Slice(row * Features, Features).CopyTo(values.Span[to..]);
        }
        Time++;
    }

    /// <summary>Makes row i what row <c>rows[i]</c> was; a row may be left out or taken several times.</summary>
    internal void Select(int[] rows) => Gather(rows, Room);

    private void Gather(int[] rows, int room)
    {
        var shape = new Shape(rows.Length, room, Features);
        if (spareKeys == keys || !spareKeys.Shape.Equals(shape))
        {
            spareKeys = Tensor<T>.Zeros(shape);
            spareValues = Tensor<T>.Zeros(shape);
        }
        var count = Time * Features;
        for (var row = 0; row < rows.Length; row++)
        {
            int from = rows[row] * Room * Features, to = row * room * Features;
            keys.Span.Slice(from, count).CopyTo(spareKeys.Span[to..]);
            values.Span.Slice(from, count).CopyTo(spareValues.Span[to..]);
        }
        (keys, spareKeys) = (spareKeys, keys);
        (values, spareValues) = (spareValues, values);
    }
}
