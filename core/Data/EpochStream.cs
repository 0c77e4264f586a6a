using Hybrid.Files;

namespace Hybrid.Data;

/// <summary>Batches without end: one epoch after the other, each made anew in an order of its own.</summary>
/// <param name="order">Decides in which order the batches come.</param>
public abstract class EpochStream<TBatch>(RandomStream order)
{
    private TBatch[] epoch = [];
    private ulong epochStart = order.Position;
    private int next;

    /// <summary>The next batch.</summary>
    /// <exception cref="ArgumentException">There is nothing to train on, or it cannot be cut into batches.</exception>
    public TBatch Next()
    {
        if (next == epoch.Length) Begin(order.Position);
        return epoch.Length > 0 ? epoch[next++] : throw new ArgumentException("there is nothing to train on; check the data.");
    }

    /// <summary>Where the stream stands: where its epoch's chance begins, and how many batches of the epoch have been taken.</summary>
    internal (ulong EpochStart, int Taken) Place
    {
        get => (epochStart, next);
        set
        {
            ThrowIfNotPlace(value);
            Begin(value.EpochStart);
            next = value.Taken;
        }
    }

    /// <summary>Throws if there is no such place; the stream stays where it is.</summary>
    /// <exception cref="DataFileException">The epoch has fewer batches, so the data are not those that the place was taken of.</exception>
    internal void ThrowIfNotPlace((ulong EpochStart, int Taken) place)
    {
        var (before, batches) = (order.Position, EpochFrom(place.EpochStart).Length);
        order.Position = before;
        if (place.Taken < 0 || place.Taken > batches) throw new DataFileException(
            $"{place.Taken} batches are said to be taken of an epoch of {batches}; resume with the data that the run began with.");
    }

    /// <summary>The batches of an epoch, which depends on nothing but where its chance begins.</summary>
    private protected abstract TBatch[] Epoch(RandomStream order);

    private void Begin(ulong start) => (epochStart, epoch, next) = (start, EpochFrom(start), 0);

    private TBatch[] EpochFrom(ulong start)
    {
        order.Position = start;
        return Epoch(order);
    }
}
