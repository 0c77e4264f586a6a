namespace Hybrid.Layers;

/// <summary>
/// Keys and values of one attention of a decoder, kept from step to step, so that each step projects its own token only.
/// </summary>
/// <remarks>There is room for more steps than there have been, doubled when it is used up; a mask hides what is still empty.</remarks>
internal sealed class KeyValueCache<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private const int FirstRoom = 16;

    // The second pair is what rows are copied into when they are selected; then the pairs change places.
    private Tensor<T> keys, values, spareKeys, spareValues;

    private KeyValueCache(Tensor<T> keys, Tensor<T> values, int time) =>
        (this.keys, this.values, spareKeys, spareValues, Time) = (keys, values, keys, values, time);

    internal KeyValueCache(int rows, int keyFeatures, int valueFeatures)
        : this(Tensor<T>.Zeros(new Shape(rows, FirstRoom, keyFeatures)), Tensor<T>.Zeros(new Shape(rows, FirstRoom, valueFeatures)), 0)
    {
    }

    /// <summary>
    /// Keys, [rows, time, keyFeatures], and values, [rows, time, valueFeatures], that are already there, such as the encoder's output
    /// makes.
    /// </summary>
    internal KeyValueCache(Tensor<T> keys, Tensor<T> values) : this(keys.ToPersistent(), values.ToPersistent(), keys.Shape[1])
    {
    }

    /// <summary>Steps that are kept.</summary>
    internal int Time { get; private set; }

    /// <summary>[rows, room, keyFeatures]; what lies behind <see cref="Time"/> is not yet written.</summary>
    internal Tensor<T> Keys => keys;

    /// <summary>[rows, room, valueFeatures], as the keys.</summary>
    internal Tensor<T> Values => values;

    private int Rows => keys.Shape[0];

    private int Room => keys.Shape[1];

    /// <summary>Keeps more steps: their keys, [rows, steps, keyFeatures], and values, [rows, steps, valueFeatures].</summary>
    internal void Append(Tensor<T> newKeys, Tensor<T> newValues)
    {
        var steps = newKeys.Shape[1];
        if (Time + steps > Room) Gather([.. Enumerable.Range(0, Rows)], Math.Max(2 * Room, Time + steps));
        Put(newKeys, keys);
        Put(newValues, values);
        Time += steps;

        void Put(Tensor<T> some, Tensor<T> all)
        {
            var features = all.Shape[2];
            for (var row = 0; row < Rows; row++)
                some.Span.Slice(row * steps * features, steps * features).CopyTo(all.Span[((row * Room + Time) * features)..]);
        }
    }

    /// <summary>Makes row i what row <c>rows[i]</c> was; a row may be left out or taken several times.</summary>
    internal void Select(int[] rows) => Gather(rows, Room);

    private void Gather(int[] rows, int room)
    {
        // The pairs have one number of rows and of steps at all times.
        if (spareKeys == keys || spareKeys.Shape[0] != rows.Length || spareKeys.Shape[1] != room)
        {
            spareKeys = Tensor<T>.Zeros(new Shape(rows.Length, room, keys.Shape[2]));
            spareValues = Tensor<T>.Zeros(new Shape(rows.Length, room, values.Shape[2]));
        }
        Copy(keys, spareKeys);
        Copy(values, spareValues);
        (keys, spareKeys) = (spareKeys, keys);
        (values, spareValues) = (spareValues, values);

        void Copy(Tensor<T> source, Tensor<T> target)
        {
            var features = source.Shape[2];
            for (var row = 0; row < rows.Length; row++)
                source.Span.Slice(rows[row] * Room * features, Time * features).CopyTo(target.Span[(row * room * features)..]);
        }
    }
}
